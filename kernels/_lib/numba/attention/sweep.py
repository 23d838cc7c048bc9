"""Attention over a range of cached tokens, tile by tile, and over all ranges on all threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit, prange
from truetpot.kernels._lib.numba.attention.compiled import LOWEST, Compiled
from truetpot.kernels._lib.numba.attention.products import scores_of, values_of
from truetpot.kernels._lib.numba.attention.softmax import combine_of, soften_of

from truetpot.runtime import simd
from truetpot.runtime.simd import STORES


@cache
def attend(made: Compiled) -> Callable[..., Any]:
    """njit over addresses, as the kernel calls it. lengths and table are int32, offsets int64."""
    group, tile, head_dim, q_size = made.group, made.tile, made.head_dim, made.q_size
    state_bytes, out_size = made.state_bytes, STORES[made.dtype][1]
    attend_range, combine, peek_i32 = _range_of(made), combine_of(made), simd.peek_i32

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


@cache
def _range_of(made: Compiled) -> Callable[..., Any]:
    """One sequence, one KV head and a range of tokens."""
    group, tail, tile, heads = made.group, made.tail, made.tile, made.at_once
    heads_a_token, chunks = group // tail, made.chunks
    acc_bytes, state_bytes = made.acc_bytes, made.state_bytes
    store, splat, poke = simd.store_f32, simd.splat, simd.poke_f32
    locate, score_tile, soften = _locate_of(made), scores_of(made), soften_of(made)
    add_values = values_of(made.head_dim, made.kv_format, made.by_dot, heads, tile, made.ahead)

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

    return attend_range


@cache
def _locate_of(made: Compiled) -> Callable[..., Any]:
    tile, row_bytes = made.tile, made.row_bytes
    peek_i32, poke_i64 = simd.peek_i32, simd.poke_i64

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

    return locate
