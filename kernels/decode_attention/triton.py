"""``decode_attention`` in Triton: split over tokens, one launch, the last program combines.

A program has one sequence, one KV head and a range of tokens. The heads of the group are the rows
of a matrix product, filled up to sixteen, so K and V are read once for all of them. Programs leave
their sums in scratch memory and count themselves; the one that finds itself last puts the ranges
together (flash decoding with the second launch saved: 2 us of 8 at a context of 1024).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from truetpot.kernels._triton import DEVICES, dot, local_memory, note, power_of_2, units

from truetpot.ops import DECODE_ATTENTION, DecodeAttentionCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice

MATRIX_ROWS = 16
"""The fewest rows of a ``tl.dot``."""
GRANULE = tl.constexpr(16)
"""Tokens that a range is a multiple of: whole tiles would leave some programs twice the work."""
MOST_SPLITS = 256
SHORT, SINGLE, USUAL = (
    {"BT": 128, "WAVES": 1.0, "STAGES": 2, "CHUNK": 16, "num_warps": 4},
    {"BT": 64, "WAVES": 1.0, "STAGES": 4, "CHUNK": 16, "num_warps": 4},
    {"BT": 64, "WAVES": 2.0, "STAGES": 3, "CHUNK": 16, "num_warps": 4},
)
"""Fastest on an H200 (docs/performance/h200.md); a tuned file knows better (docs/tuning.md)."""
SHORT_TO = 2048
"""Tokens up to which a program's whole range fits one tile."""


@register(DECODE_ATTENTION, provider="triton", devices=DEVICES)
class TritonDecodeAttention(Kernel):
    """softmax(q K^T / sqrt(d)) V over a contiguous or paged cache, ragged or not."""

    def __init__(self, case: DecodeAttentionCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        usual = SINGLE if case.page is None and case.batch == 1 else USUAL
        if case.context * case.batch <= SHORT_TO:
            usual = SHORT
        self.config = {**usual, **config}
        self.pairs = case.batch * case.kv_heads
        self.group = case.heads // case.kv_heads
        tile = 2 * self.config["BT"] * case.head_dim * 2 * self.config["STAGES"]
        while not config and tile > local_memory(device) and self.config["BT"] > MATRIX_ROWS:
            self.config["BT"], tile = self.config["BT"] // 2, tile // 2
        waves = self.config.pop("WAVES")
        splits = int(waves * units(device) / self.pairs)  # one program more would be a wave more
        self.most_splits = min(MOST_SPLITS, max(1, splits))
        size = self.pairs * self.most_splits * self.group * (case.head_dim + 2)
        self.partial = torch.empty(size, dtype=torch.float32, device=device.torch)
        self.arrived = torch.zeros(self.pairs, dtype=torch.int32, device=device.torch)

    @classmethod
    def refuses(cls, case: DecodeAttentionCase, device: Device) -> str | None:
        """Sizes of blocks are powers of two."""
        if case.head_dim != power_of_2(case.head_dim) or case.head_dim < MATRIX_ROWS:
            return f"head_dim must be a power of two from {MATRIX_ROWS}, not {case.head_dim}"
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """Which Triton."""
        return note(device)

    @classmethod
    def configs(cls, case: DecodeAttentionCase, device: Device) -> Iterable[Config]:
        """The default, then tile length, programs a multiprocessor, pipeline depth, warps."""
        yield {}
        depths, widths = (2, 3, 4), (2, 4, 8)
        for bt, waves, stages, warps in product((32, 64, 128), (0.5, 1, 2, 3), depths, widths):
            if bt // 32 <= 2 * warps and stages * bt * case.head_dim <= 64 * 1024:
                yield {"BT": bt, "WAVES": float(waves), "STAGES": stages, "num_warps": warps}

    def __call__(
        self,
        *,
        q: Tensor,
        k_cache: Tensor,
        v_cache: Tensor,
        block_table: Tensor | None,
        lengths: Tensor,
        max_length: int,
    ) -> Tensor:
        """One launch; out as q."""
        case, config = self.case, self.config
        out = torch.empty_like(q)
        splits = min(self.most_splits, -(-max_length // config["BT"]))
        attend[(self.pairs, splits)](
            q, k_cache, v_cache, q if block_table is None else block_table, lengths, out,
            self.partial, self.arrived, math.log2(math.e) / math.sqrt(case.head_dim),
            case.kv_heads, splits, 1 if block_table is None else block_table.shape[1],
            k_cache.shape[2], max_length, PAGE=case.page or 0,
            GROUP=self.group, ROWS=max(MATRIX_ROWS, power_of_2(self.group)),
            FEW_ROWS=power_of_2(self.group), D=case.head_dim, RAGGED=case.ragged,
            MOST=power_of_2(splits), **config,
        )  # fmt: skip
        return out


@triton.jit
def attend(
    q_at, k_at, v_at, table_at, lengths_at, out_at, partial_at, arrived_at, scale,
    kv_heads, splits, table_width, capacity, max_length,
    GROUP: tl.constexpr, ROWS: tl.constexpr, FEW_ROWS: tl.constexpr, D: tl.constexpr,
    PAGE: tl.constexpr, RAGGED: tl.constexpr, MOST: tl.constexpr, CHUNK: tl.constexpr,
    BT: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """``scale`` has the factor from e to 2 in it. PAGE is 0 where the cache is contiguous."""
    pair, split = tl.program_id(0), tl.program_id(1)
    sequence, head = pair // kv_heads, pair % kv_heads
    length = max_length  # an argument costs no load: a launch at a short context feels one
    if RAGGED:
        length = tl.load(lengths_at + sequence)
    each = tl.cdiv(tl.cdiv(length, splits), GRANULE) * GRANULE
    first = split * each
    last = tl.minimum(first + each, length)
    row, column, token = tl.arange(0, ROWS), tl.arange(0, D), tl.arange(0, BT)
    inside = row < GROUP
    here = (pair * GROUP + row)[:, None] * D + column[None, :]
    q = tl.load(q_at + here, mask=inside[:, None], other=0.0)
    top = tl.full((ROWS,), -1e30, tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    acc = tl.zeros((ROWS, D), tl.float32)
    table = table_at + sequence * table_width
    block = tl.zeros((BT,), tl.int32)
    if PAGE:
        block = tl.load(table + (first + token) // PAGE, mask=first + token < last, other=0)
    for start in tl.range(first, last, BT, num_stages=STAGES):
        at = start + token
        ok = at < last
        if PAGE:
            slot = (block.to(tl.int64) * kv_heads + head) * PAGE + at % PAGE
            # where the next tile is: known before its loads are due
            block = tl.load(table + (at + BT) // PAGE, mask=at + BT < last, other=0)
        else:
            slot = pair.to(tl.int64) * capacity + at
        rows = slot[:, None] * D + column[None, :]
        k = tl.load(k_at + rows, mask=ok[:, None], other=0.0).to(q.dtype)
        s = dot(q, tl.trans(k), tl.zeros((ROWS, BT), tl.float32)) * scale
        s = tl.where(ok[None, :], s, -1e30)
        new = tl.maximum(top, tl.max(s, 1))
        p = tl.exp2(s - new[:, None])
        fade = tl.exp2(top - new)
        total = total * fade + tl.sum(p, 1)
        v = tl.load(v_at + rows, mask=ok[:, None], other=0.0).to(q.dtype)
        acc = dot(p.to(q.dtype), v, acc * fade[:, None])
        top = new
    if splits == 1:
        y = (acc / total[:, None]).to(out_at.dtype.element_ty)
        tl.store(out_at + here, y, mask=inside[:, None])
    else:
        state = partial_at + ((pair * splits + split) * GROUP + row) * (D + 2)
        tl.store(state[:, None] + column[None, :], acc, mask=inside[:, None])
        tl.store(state + D, top, mask=inside)
        tl.store(state + D + 1, total, mask=inside)
        tl.debug_barrier()  # every thread's stores before the one thread that counts
        if tl.atomic_add(arrived_at + pair, 1, sem="acq_rel") == splits - 1:
            tl.store(arrived_at + pair, 0)  # for the next launch
            _combine(out_at, partial_at, pair, splits, GROUP, FEW_ROWS, D, MOST, CHUNK)


@triton.jit
def _combine(
    out_at, partial_at, pair, splits,
    GROUP: tl.constexpr, ROWS: tl.constexpr, D: tl.constexpr,
    MOST: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """One pair's ranges, weighted by their maxima; all heads at once, so that loads overlap."""
    row, column, n = tl.arange(0, ROWS), tl.arange(0, D), tl.arange(0, MOST)
    live = (row < GROUP)[:, None] & (n < splits)[None, :]
    state = partial_at + ((pair * splits + n)[None, :] * GROUP + row[:, None]) * (D + 2)
    tops = tl.load(state + D, mask=live, other=-1e30)
    totals = tl.load(state + D + 1, mask=live, other=0.0)
    top = tl.max(tops, 1)
    norm = 1 / tl.sum(tl.exp2(tops - top[:, None]) * totals, 1)
    y = tl.zeros((ROWS, D), tl.float32)
    for start in range(0, splits, CHUNK):
        c = start + tl.arange(0, CHUNK)
        good = (row < GROUP)[:, None] & (c < splits)[None, :]
        some = partial_at + ((pair * splits + c)[None, :] * GROUP + row[:, None]) * (D + 2)
        weight = tl.exp2(tl.load(some + D, mask=good, other=-1e30) - top[:, None]) * norm[:, None]
        part = tl.load(
            some[:, :, None] + column[None, None, :], mask=good[:, :, None], other=0.0
        )
        y += tl.sum(part * weight[:, :, None], 1)
    to = out_at + (pair * GROUP + row)[:, None] * D + column[None, :]
    tl.store(to, y.to(out_at.dtype.element_ty), mask=(row < GROUP)[:, None])
