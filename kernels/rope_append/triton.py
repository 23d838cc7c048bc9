"""``rope_append`` in Triton: a program a head, of q, k and v alike."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import triton
import triton.language as tl
from torch import Tensor
from truetpot.kernels._lib.triton.common import DEVICES, note, power_of_2, rounded
from truetpot.kernels._lib.triton.dependent_launch import begin, choices, end, options

from truetpot.ops import MOST_QUERY_TOKENS, ROPE_APPEND, RopeAppendCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime.device import Device


@register(ROPE_APPEND, provider="triton", devices=DEVICES)
class TritonRopeAppend(Kernel):
    """qkv [rows, (heads + 2 kv_heads) head_dim]; returns q [rows, heads, head_dim]."""

    most_query_tokens = MOST_QUERY_TOKENS

    @classmethod
    def refuses(cls, case: RopeAppendCase, device: Device) -> str | None:
        """Sizes of blocks are powers of two."""
        if case.head_dim != power_of_2(case.head_dim) or case.head_dim < 2:
            return f"head_dim must be a power of two, not {case.head_dim}"
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    @classmethod
    def configs(cls, case: RopeAppendCase, device: Device) -> Iterable[Config]:
        """An ordinary launch, and where the device has it an early one."""
        return choices(device)

    def __call__(
        self,
        *,
        qkv: Tensor,
        positions: Tensor,
        cos_sin: Tensor,
        k_cache: Tensor,
        v_cache: Tensor,
        block_table: Tensor | None,
        q_norm: Tensor | None,
        k_norm: Tensor | None,
    ) -> Tensor:
        """Rotate, and write k and v where the block table says."""
        case = self.case
        q = torch.empty(
            (case.rows, case.heads, case.head_dim), dtype=qkv.dtype, device=qkv.device
        )
        rope[(case.rows, case.heads + 2 * case.kv_heads)](
            qkv, positions, cos_sin, q, k_cache, v_cache,
            positions if block_table is None else block_table,
            qkv if q_norm is None else q_norm, qkv if k_norm is None else k_norm,
            case.heads, case.kv_heads, k_cache.shape[2],
            1 if block_table is None else block_table.shape[1], case.eps,
            D=case.head_dim, TOKENS=case.query_tokens, PAGED=block_table is not None,
            NORM=q_norm is not None, num_warps=1,
            **options(self.config.get("EARLY", 0)),
        )  # fmt: skip
        return q


@triton.jit
def rope(
    qkv, positions, cos_sin, q_out, k_cache, v_cache, table, q_norm, k_norm,
    heads, kv_heads, page, table_width, eps,
    D: tl.constexpr, TOKENS: tl.constexpr, PAGED: tl.constexpr, NORM: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    """``page`` is the capacity where not PAGED."""
    end(EARLY)
    begin(EARLY)
    row, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    sequence = row // TOKENS
    half: tl.constexpr = D // 2
    column = tl.arange(0, half)
    source = qkv + (row * (heads + 2 * kv_heads) + head) * D + column
    first = tl.load(source).to(tl.float32)
    second = tl.load(source + half).to(tl.float32)
    position = tl.load(positions + row)
    block, slot = sequence, position
    if PAGED:
        block = tl.load(table + sequence * table_width + position // page).to(tl.int64)
        slot = position % page
    if head >= heads + kv_heads:
        to = v_cache + ((block * kv_heads + head - heads - kv_heads) * page + slot) * D + column
        tl.store(to, rounded(first, v_cache))
        tl.store(to + half, rounded(second, v_cache))
    else:
        if NORM:
            scale = tl.rsqrt((tl.sum(first * first, 0) + tl.sum(second * second, 0)) / D + eps)
            gamma = q_norm if head < heads else k_norm
            first *= scale * tl.load(gamma + column).to(tl.float32)
            second *= scale * tl.load(gamma + half + column).to(tl.float32)
        cos = tl.load(cos_sin + position * D + column)
        sin = tl.load(cos_sin + position * D + half + column)
        low, high = first * cos - second * sin, second * cos + first * sin
        if head < heads:
            q_to = q_out + (row * heads + head) * D + column
            tl.store(q_to, low.to(q_out.dtype.element_ty))
            tl.store(q_to + half, high.to(q_out.dtype.element_ty))
        else:
            k_to = k_cache + ((block * kv_heads + head - heads) * page + slot) * D + column
            tl.store(k_to, rounded(low, k_cache))
            tl.store(k_to + half, rounded(high, k_cache))
