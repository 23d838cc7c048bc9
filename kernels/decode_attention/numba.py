"""``decode_attention`` on the CPU: K and V read once for all heads of a group, split over tokens.

A work item is one sequence, one KV head and a range of tokens. It walks the range in tiles, and
prefetches the next tile's rows (by default), one for each row it uses: there is too much arithmetic
between two loads for the hardware to look ahead by itself. The tile's keys give the scores of the
whole group, an online softmax (Milakov and Gimelshein 2018, arXiv 1805.02867) updates maximum and
sum, and the tile's values are added up. Partial results of a sequence are combined at the end.

With bf16 activations and cache both products go by ``vdpbf16ps``, two elements an instruction:
pairs of dimensions for q.K, pairs of tokens for p.V, for which two rows' words are interleaved and
p is rounded to bf16, as matrix engines have it. Everything else is float32.

Several query tokens of a sequence are further rows beside the heads of the group: the cache is read
once for all of them, and scores of tokens that a row does not see are lowered before the softmax.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import torch
from numba import get_num_threads, njit, prange

from truetpot.ops import DECODE_ATTENTION, MOST_QUERY_TOKENS, DecodeAttentionCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime import simd
from truetpot.runtime.device import Device
from truetpot.runtime.simd import LOADS, STORES

TILE = (64, 32, 128)
"""Tokens whose keys, then values, are gone through; here as below the default comes first."""
AHEAD = (1, 0)
"""Whether the next tile's rows are prefetched meanwhile."""
MOST_AT_ONCE = 8
"""Heads whose sums of q.K the registers hold together."""
ACCUMULATORS = 24
"""Vectors that the registers hold of p.V, beside the rows and p."""
STATE = 16
"""Floats beside a head's accumulator: maximum, sum, and room that keeps vectors aligned."""
ITEMS = (4, 1, 2, 8)
"""Ranges of tokens for a thread: many let no core wait for another, few have less to combine."""
LOWEST = np.float32(-3.0e38)


@register(DECODE_ATTENTION, provider="numba", devices=("cpu",))
class NumbaDecodeAttention(Kernel):
    """softmax(q K^T / sqrt(d)) V over a contiguous or paged cache, ragged or not."""

    most_query_tokens = MOST_QUERY_TOKENS

    def __init__(self, case: DecodeAttentionCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.rows, tail = case.query_tokens * (case.heads // case.kv_heads), case.query_tokens
        tile, ahead = config.get("tile", TILE[0]), bool(config.get("ahead", AHEAD[0]))
        self.tile, self.run = (
            tile, attend(case.dtype, case.kv_format, self.rows, tail, case.head_dim, tile, ahead)
        )
        pairs = case.batch * case.kv_heads
        self.most_splits = -(-config.get("items", ITEMS[0]) * get_num_threads() // pairs)
        self.partial = torch.empty((pairs * self.most_splits, self.rows, case.head_dim + STATE))
        self.scores = torch.empty((pairs * self.most_splits, self.rows, tile))
        self.products = torch.empty((pairs * self.most_splits, self.rows, 4 * simd.LANES))
        self.offsets = torch.empty((pairs * self.most_splits, 2 * tile), dtype=torch.int64)
        self.identity = torch.arange(case.batch, dtype=torch.int32)

    @classmethod
    def refuses(cls, case: DecodeAttentionCase, device: Device) -> str | None:
        """Heads are read in whole vectors."""
        if case.head_dim % simd.LANES:
            return f"head_dim must be a multiple of {simd.LANES}, not {case.head_dim}"
        return None if case.kv_format in LOADS else f"no KV cache in {case.kv_format}"

    @classmethod
    def configs(cls, case: DecodeAttentionCase, device: Device) -> Iterable[Config]:
        """The default first; the tile is whole vectors of scores."""
        names = ("tile", "ahead", "items")
        return (dict(zip(names, one, strict=True)) for one in product(TILE, AHEAD, ITEMS))

    @classmethod
    def note(cls, device: Device) -> str:
        """The code path that this processor takes."""
        return simd.path_name()

    def __call__(
        self,
        *,
        q: torch.Tensor,
        k_cache: torch.Tensor,
        v_cache: torch.Tensor,
        block_table: torch.Tensor | None,
        lengths: torch.Tensor,
        max_length: int,
    ) -> torch.Tensor:
        case = self.case
        by_token = (case.batch, case.query_tokens, case.kv_heads, -1, case.head_dim)
        query = q.view(by_token).transpose(1, 2).contiguous()  # of one token: the same memory
        out = torch.empty_like(query)
        if not dots(case.dtype, case.kv_format, case.head_dim):
            query = query.to(torch.float32)
        table = self.identity if block_table is None else block_table
        splits = max(1, min(self.most_splits, -(-max_length // self.tile)))
        self.run(
            query.data_ptr(), k_cache.data_ptr(), v_cache.data_ptr(),
            table.data_ptr(), table.shape[-1] if block_table is not None else 1,
            lengths.data_ptr(), out.data_ptr(),
            self.partial.data_ptr(), self.scores.data_ptr(), self.products.data_ptr(),
            self.offsets.data_ptr(),
            case.batch, case.kv_heads, k_cache.shape[2], splits, 1 / math.sqrt(case.head_dim),
        )
        return out.transpose(1, 2).reshape(q.shape)


def dots(dtype: str, kv_format: str, head_dim: int) -> bool:
    """Whether q.K goes by ``vdpbf16ps``."""
    return simd.HAS_BF16_DOT and dtype == kv_format == "bf16" and head_dim % 32 == 0


@cache
def values(
    head_dim: int, kv_format: str, by_dot: bool, heads: int, tile: int, prefetched: bool
) -> Callable[..., Any]:
    """njit ``(v_cache, offsets, ahead, p, acc, count)``: acc[h] += sum over the rows of p[h] v.

    The tile is gone through as many columns at a time as leave every head's accumulator in a
    register. ``ahead`` are the offsets of the next tile's rows.
    """
    load_kv, lane_bytes = LOADS[kv_format]
    chunks, state_bytes = head_dim // simd.LANES, 4 * (head_dim + STATE)
    unit = 2 if by_dot else 1
    columns = max(
        c for c in range(unit, chunks + 1, unit)
        if chunks % c == 0 and (c == unit or heads * c <= ACCUMULATORS)
    )
    column_bytes = columns * lane_bytes
    block, peek_i64, prefetch = simd.outer(heads, columns), simd.peek_i64, simd.prefetch
    load, store, multiply = block.load, block.store, block.dot if by_dot else block.fma
    two_rows: Any = simd.paired_rows(columns) if by_dot else None
    one_row: Any = None if by_dot else simd.widened_row(load_kv, columns, lane_bytes)

    @njit(boundscheck=False)
    def add_values(v_cache, offsets, ahead, p, acc, count):  # type: ignore[no-untyped-def]
        for c in range(0, chunks, columns):
            at = v_cache + c * lane_bytes
            out = load(acc + 64 * c, state_bytes)
            for t in range(0, count, unit):
                if prefetched:
                    for i in range(unit):
                        next_row = at + peek_i64(ahead + 8 * (t + i))
                        for line in range(0, column_bytes, 64):
                            prefetch(next_row + line)
                if by_dot:  # p as pairs of bf16 at the start of each row of scores
                    even, odd = peek_i64(offsets + 8 * t), peek_i64(offsets + 8 * t + 8)
                    out = multiply(out, two_rows(at + even, at + odd), p + 2 * t, 4 * tile)
                else:
                    row = one_row(at + peek_i64(offsets + 8 * t))
                    out = multiply(out, row, p + 4 * t, 4 * tile)
            store(out, acc + 64 * c, state_bytes)

    return add_values


@cache
def attend(
    dtype: str, kv_format: str, group: int, tail: int, head_dim: int, tile: int, prefetched: bool
) -> Callable[..., Any]:
    """njit over addresses; see the call above. lengths and table are int32, offsets int64.

    ``group`` are the rows of all ``tail`` query tokens of a sequence, token by token.
    """
    by_dot = dots(dtype, kv_format, head_dim)
    heads = max(h for h in range(1, MOST_AT_ONCE + 1) if group % h == 0)
    blocks, heads_a_token = group // heads, group // tail
    block = simd.block(heads)
    zero, load_block, fold_four = block.zero, block.load, block.fold_four
    sums_of_four_folds = simd.sums_of_four_folds
    unpair_first, unpair_second, store_bf16 = simd.unpair_first, simd.unpair_second, simd.store_bf16
    load_kv, lane_bytes = LOADS[kv_format]
    store_out, out_size = STORES[dtype]
    kv_size = lane_bytes // simd.LANES
    q_size = 2 if by_dot else 4
    multiply, load_key = (block.dot, simd.load_i32) if by_dot else (block.fma, load_kv)
    key_bytes = 64 if by_dot else lane_bytes
    steps = head_dim * kv_size // key_bytes
    load, store = simd.load_f32, simd.store_f32
    exp, splat, mul, add, fma = simd.exp, simd.splat, simd.mul, simd.add, simd.fma
    largest, maximum, total = simd.reduce_max, simd.maximum, simd.reduce_add
    peek, peek_i32, poke = simd.peek_f32, simd.peek_i32, simd.poke_f32
    peek_i64, poke_i64 = simd.peek_i64, simd.poke_i64
    chunks, row_bytes = head_dim // simd.LANES, head_dim * kv_size
    acc_bytes, state_bytes = 4 * head_dim, 4 * (head_dim + STATE)
    prefetch = simd.prefetch

    @njit(boundscheck=False)
    def score_tile(q, k_cache, offsets, ahead, scores, products, count):  # type: ignore[no-untyped-def]
        """Four tokens at a time, so that each load of q serves four."""
        for t in range(0, count, 4):
            o0, o1 = peek_i64(offsets + 8 * t), peek_i64(offsets + 8 * t + 8)
            o2, o3 = peek_i64(offsets + 8 * t + 16), peek_i64(offsets + 8 * t + 24)
            if prefetched:
                for i in range(4):
                    next_row = k_cache + peek_i64(ahead + 8 * (t + i))
                    for line in range(0, row_bytes, 64):
                        prefetch(next_row + line)
            for b in range(blocks):
                a0, a1, a2, a3 = zero(), zero(), zero(), zero()
                for c in range(steps):
                    some = load_block(
                        q + b * heads * head_dim * q_size + 64 * c, head_dim * q_size
                    )
                    at = k_cache + key_bytes * c
                    a0 = multiply(a0, load_key(at + o0), some)
                    a1 = multiply(a1, load_key(at + o1), some)
                    a2 = multiply(a2, load_key(at + o2), some)
                    a3 = multiply(a3, load_key(at + o3), some)
                fold_four(a0, a1, a2, a3, products + 256 * b * heads + 16 * (t % 16), 256)
            if t % 16 == 12 or t + 4 >= count:
                for g in range(group):
                    store(
                        scores + 4 * (g * tile + t // 16 * 16),
                        sums_of_four_folds(products + 256 * g),
                        16,
                    )

    @njit(boundscheck=False)
    def soften(scores, state, acc, count, seen, scale):  # type: ignore[no-untyped-def]
        """One row's scores to exp(score - maximum); maximum and sum in ``state``, acc rescaled.

        Of ``count`` tokens it sees those below ``seen``; the others weigh nothing.
        """
        vectors = (count + 15) // 16
        if seen <= 0:
            for t in range(0, 16 * vectors, 16):
                store(scores + 4 * t, splat(np.float32(0.0)), 16)  # in bf16 the same bits
            return
        for t in range(min(count, seen), 16 * vectors):
            poke(scores + 4 * t, LOWEST)
        top = load(scores)
        for i in range(1, vectors):
            top = maximum(top, load(scores + 64 * i))
        old = peek(state)
        new = max(old, largest(top) * scale)
        shift, factor = splat(-new), exp(splat(old - new))
        sums = splat(np.float32(0.0))
        for i in range(vectors):
            p = exp(fma(load(scores + 64 * i), splat(scale), shift))
            if by_dot:
                store_bf16(scores + 32 * i, p, 16)
            else:
                store(scores + 64 * i, p, 16)
            sums = add(sums, p)
        if new > old:
            poke(state, new)
            for c in range(chunks):
                store(acc + 64 * c, mul(load(acc + 64 * c), factor), 16)
        before = peek(state + 4)
        poke(state + 4, before * largest(factor) + total(sums))

    add_values = values(head_dim, kv_format, by_dot, heads, tile, prefetched)

    @njit(boundscheck=False)
    def locate(table, head, kv_heads, page, first, last, offsets):  # type: ignore[no-untyped-def]
        """Byte offsets of a tile's rows; past the end the last row's, which then weighs nothing."""
        index, slot = first // page, first % page
        offset = np.int64(0)
        for t in range(tile):
            if first + t < last:
                if slot == page:  # counted along: a division a token costs a third of the time
                    index, slot = index + 1, 0
                where = (np.int64(peek_i32(table + 4 * index)) * kv_heads + head) * page
                offset = (where + slot) * row_bytes
                slot += 1
            poke_i64(offsets + 8 * t, offset)

    @njit(boundscheck=False)
    def attend_range(  # type: ignore[no-untyped-def]
        q, k_cache, v_cache, table, head, kv_heads, page, first, last, length, partial, scores,
        products, offsets, scale,
    ):
        for g in range(group):
            at = partial + g * state_bytes
            for c in range(chunks):
                store(at + 64 * c, splat(np.float32(0.0)), 16)
            poke(at + acc_bytes, LOWEST)
            poke(at + acc_bytes + 4, np.float32(0.0))
        ahead = offsets + 8 * tile
        locate(table, head, kv_heads, page, first, last, ahead)
        for start in range(first, last, tile):
            count = min(tile, last - start)
            offsets, ahead = ahead, offsets
            locate(table, head, kv_heads, page, start + tile, last, ahead)
            score_tile(q, k_cache, offsets, ahead, scores, products, count)
            for g in range(group):
                at = partial + g * state_bytes
                seen = length - tail + 1 + g // heads_a_token - start
                soften(scores + 4 * g * tile, at + acc_bytes, at, count, seen, scale)
            for g in range(0, group, heads):
                add_values(
                    v_cache, offsets, ahead, scores + 4 * g * tile, partial + g * state_bytes, count
                )

    @njit(boundscheck=False)
    def combine(partial, splits, step, out):  # type: ignore[no-untyped-def]
        """One head: partial sums of every split weighted by their maxima."""
        top = LOWEST
        for s in range(splits):
            top = max(top, peek(partial + s * step + acc_bytes))
        weight = splat(np.float32(0.0))
        for s in range(splits):
            at = partial + s * step + acc_bytes
            weight = fma(exp(splat(peek(at) - top)), splat(peek(at + 4)), weight)
        inverse = splat(np.float32(1.0) / largest(weight))
        for s in range(splits):  # sum into the first split's accumulator
            at = partial + s * step
            factor = mul(exp(splat(peek(at + acc_bytes) - top)), inverse)
            for c in range(chunks):
                value = mul(load(at + 64 * c), factor)
                if s:
                    value = add(value, load(partial + 64 * c))
                store(partial + 64 * c, value, 16)
        for c in range(0, chunks, 2 if by_dot else 1):
            at, to = partial + 64 * c, out + 16 * c * out_size
            if by_dot:
                low, high = load(at), load(at + 64)
                store_out(to, unpair_first(low, high), 16)
                store_out(to + 16 * out_size, unpair_second(low, high), 16)
            else:
                store_out(to, load(at), 16)

    @njit(parallel=True, boundscheck=False)
    def run(  # type: ignore[no-untyped-def]
        q, k_cache, v_cache, table, table_width, lengths, out, partial, scores, products,
        offsets, batch, kv_heads, page, splits, scale,
    ):
        step = group * state_bytes
        for item in prange(batch * kv_heads * splits):
            pair, split = item // splits, item % splits
            row, head = pair // kv_heads, pair % kv_heads
            length = np.int64(peek_i32(lengths + 4 * row))
            attend_range(
                q + pair * group * head_dim * q_size, k_cache, v_cache,
                table + 4 * row * table_width, head, kv_heads, page,
                split * length // splits, (split + 1) * length // splits, length,
                partial + item * step, scores + item * 4 * group * tile,
                products + item * 256 * group, offsets + item * 16 * tile, np.float32(scale),
            )
        for pair in range(batch * kv_heads):
            for g in range(group):
                combine(
                    partial + pair * splits * step + g * state_bytes, splits, step,
                    out + (pair * group + g) * head_dim * out_size,
                )

    return run
