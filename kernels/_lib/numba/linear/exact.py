"""A panel of scaled blocks times x as it is: by ``vdpbf16ps``, or in float32.

By ``vdpbf16ps``, of 4-bit codes: a nibble OR-ed into 0x4300 is the bf16 number 128 + q, so two
nibbles of a lane, masked and OR-ed at once, are a pair of weights, each too large by 128 and the
format's zero. That many times the sum of x over the block, the same for every row, is taken off
where the block's accumulators start. Products of bf16 are exact in float32. An fp16 activation is
cut into two bf16 terms that add up to it, each a column of its own.

Where there is no ``vdpbf16ps``, for fp32 activations (whose precision the offset of 136 would cost
two digits of), and for 8-bit codes, the codes are converted and multiplied in float32, too large by
the format's zero.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import int32, njit
from truetpot.kernels._lib.numba.linear.panels import BLOCK, ROWS, Blocks

from truetpot.runtime import simd
from truetpot.runtime.simd import LOADS

TERMS = {"bf16": 1, "fp16": 2}
"""bf16 terms that add up to one activation, by dtype: 8 significant bits each."""
MOST = 8
"""Columns with two accumulators each; up to four have four."""


def by_pairs(blocks: Blocks, dtype: str) -> bool:
    """Whether ``vdpbf16ps`` multiplies pairs here."""
    return simd.HAS_BF16_DOT and blocks.bits == 4 and dtype in TERMS


def row_bytes(pairs: bool, terms: int) -> Callable[[int], tuple[int, int]]:
    """bf16 [terms, k] or float32 [k]; beside it float32 [terms, k / 64, 2]."""
    return lambda k: ((2 * terms if pairs else 4) * k, terms * k // BLOCK * 8)


@cache
def prepare(blocks: Blocks, dtype: str, pairs: bool, terms: int) -> Callable[..., Any]:
    """njit ``(x, m, k, columns, sums)``, all addresses but m and k; x [m, k] in ``dtype``.

    ``sums``: what each block's accumulators start from, and the sum of its x.
    """
    load, lane_bytes = LOADS[dtype]
    size = lane_bytes // ROWS
    offset = np.float32(-(128 + blocks.zero) if pairs else -blocks.zero)
    load_bf16, store_bf16, store_f32 = simd.load_bf16, simd.store_bf16, simd.store_f32
    zero, add, fma, splat, total = simd.zero, simd.add, simd.fma, simd.splat, simd.reduce_add

    @njit(boundscheck=False)
    def run(x, m, k, columns, sums):  # type: ignore[no-untyped-def]
        minus, count = splat(np.float32(-1.0)), k // BLOCK
        for row in range(m):
            for b in range(count):
                everything = zero()
                for i in range(4):
                    at = row * k + b * BLOCK + 16 * i
                    rest = load(x + at * size)
                    everything = add(everything, rest)
                    if pairs:
                        for t in range(terms):
                            out = columns + 2 * (at + (row * (terms - 1) + t) * k)
                            store_bf16(out, rest, 16)
                            rest = fma(minus, load_bf16(out), rest)
                    else:
                        store_f32(columns + 4 * at, rest, 16)
                # the terms add up to x, so the first column carries the whole sum
                where, whole = sums + 8 * (row * terms * count + b), total(everything)
                store_f32(where, splat(offset * whole), 1)
                store_f32(where + 4, splat(whole), 1)
                for t in range(1, terms):
                    store_f32(where + 8 * t * count, zero(), 2)

    return run


def dot(blocks: Blocks, pairs: bool, terms: int) -> Callable[[int, int, int], Callable[..., Any]]:
    """As :class:`.paths.Path` has it; ``unroll`` is not used: the loop over vectors is unrolled."""
    product = _pairs if pairs else _singles(blocks.bits)
    load_scales = simd.load_f16 if blocks.bits == 4 else simd.load_f32
    load_minima, prefetch = simd.load_f16, simd.prefetch
    step, minimum, codes_at, vectors = (
        blocks.step, blocks.minimum, blocks.codes_at, blocks.vectors
    )  # fmt: skip
    lines, k_bytes = -(-step // 64), 2 if pairs else 4

    def compiled(rows: int, ahead: int, unroll: int) -> Callable[..., Any]:
        columns = rows * terms
        block, of_block = simd.block(columns), product(columns, codes_at, vectors)
        zero, fma, fill = block.zero, block.fma, block.fill

        @njit(boundscheck=False)
        def dot(w, x, stride, sums, sums_stride, k):  # type: ignore[no-untyped-def]
            y = zero()
            for _ in range(k // BLOCK):
                if ahead:
                    for line in range(lines):
                        prefetch(w + ahead + 64 * line)
                y = fma(y, load_scales(w), of_block(w, x, stride, fill(sums, sums_stride)))
                if minimum:
                    y = fma(y, load_minima(w + 32), fill(sums + 4, sums_stride))
                w += step
                x += k_bytes * BLOCK
                sums += 8
            return y

        return dot

    return compiled


def _pairs(columns: int, codes_at: int, vectors: int) -> Callable[..., Any]:
    """njit ``(w, x, stride, start) -> Block(columns)``: the codes of one block by x."""
    block = simd.block(columns)
    zero, dot, add, load = block.zero, block.dot_broadcast, block.add, simd.load_i32
    shift, and_or, four = simd.shift_right, simd.and_or, columns <= MOST // 2
    nibbles, base = int32(0x000F000F), int32(0x43004300)

    @njit(boundscheck=False, inline="always")
    def of_block(w, x, stride, d0):  # type: ignore[no-untyped-def]
        d1, d2, d3 = zero(), zero(), zero()
        for j in range(vectors):
            q, xj = load(w + codes_at + 64 * j), x + 16 * j
            q0, q1 = and_or(q, nibbles, base), and_or(shift(q, 4), nibbles, base)
            q2, q3 = and_or(shift(q, 8), nibbles, base), and_or(shift(q, 12), nibbles, base)
            d0, d1 = dot(d0, q0, xj, stride), dot(d1, q1, xj + 4, stride)
            if four:
                d2, d3 = dot(d2, q2, xj + 8, stride), dot(d3, q3, xj + 12, stride)
            else:
                d0, d1 = dot(d0, q2, xj + 8, stride), dot(d1, q3, xj + 12, stride)
        return add(add(d0, d1), add(d2, d3))

    return of_block


def _singles(bits: int) -> Callable[[int, int, int], Callable[..., Any]]:
    """As :func:`_pairs`, in float32, of codes of 4 or 8 bits."""
    # of a word's codes the first is ``apart`` bits from its neighbour in K, the next ``along``
    count, along, apart = (4, 4, 16) if bits == 4 else (2, 16, 8)
    shift, and_or, to_f32 = simd.shift_right, simd.and_or, simd.to_f32
    load, mask, none = simd.load_i32, int32((1 << bits) - 1), int32(0)

    def product(columns: int, codes_at: int, vectors: int) -> Callable[..., Any]:
        block = simd.block(columns)
        zero, fma, add = block.zero, block.fma_broadcast, block.add

        @njit(boundscheck=False, inline="always")
        def of_block(w, x, stride, even):  # type: ignore[no-untyped-def]
            odd = zero()
            for j in range(vectors):
                q = load(w + codes_at + 64 * j)
                for i in range(count):
                    xi = x + 8 * (count * j + i)
                    low = to_f32(and_or(shift(q, int32(along * i)), mask, none))
                    high = to_f32(and_or(shift(q, int32(along * i + apart)), mask, none))
                    even = fma(even, low, xi, stride)
                    odd = fma(odd, high, xi + 4, stride)
            return add(even, odd)

        return of_block

    return product
