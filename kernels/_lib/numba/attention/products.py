"""The two products of attention on a CPU, a tile of the cache at a time: q.K and p.V.

With bf16 activations and cache both go by ``vdpbf16ps``, two elements an instruction: pairs of
dimensions for q.K, pairs of tokens for p.V, for which two rows' words are interleaved and p is
rounded to bf16, as matrix engines have it. Everything else is float32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import njit
from truetpot.kernels._lib.numba.attention.compiled import STATE, Compiled

from truetpot.runtime import simd
from truetpot.runtime.simd import LOADS

ACCUMULATORS = 24
"""Vectors that the registers hold of p.V, beside the rows and p."""


@cache
def scores_of(made: Compiled) -> Callable[..., Any]:
    """njit ``(q, k_cache, offsets, ahead, scores, products, count)``: scores of all rows.

    ``ahead`` are the offsets of the next tile's rows.
    """
    group, tile, head_dim, row_bytes = made.group, made.tile, made.head_dim, made.row_bytes
    heads, by_dot, q_size, prefetched = made.at_once, made.by_dot, made.q_size, made.ahead
    blocks, block = group // heads, simd.block(heads)
    zero, load_block, fold_four = block.zero, block.load, block.fold_four
    sums_of_four_folds = simd.sums_of_four_folds
    load_kv, lane_bytes = LOADS[made.kv_format]
    multiply, load_key = (block.dot, simd.load_i32) if by_dot else (block.fma, load_kv)
    key_bytes = 64 if by_dot else lane_bytes
    steps = row_bytes // key_bytes
    store, peek_i64, prefetch = simd.store_f32, simd.peek_i64, simd.prefetch

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

    return score_tile


@cache
def values_of(
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
        c
        for c in range(unit, chunks + 1, unit)
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
