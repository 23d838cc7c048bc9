"""A panel of scaled blocks times x by ``vpdpbusd``: x as integers of some bytes, block by block.

What a block of x becomes, and how well it stands for x, :mod:`truetpot.runtime.simd.digits` says.
The codes are unsigned bytes: of a vector's nibbles the low ones where they are, the high ones as 16
times themselves, which the sum is divided by at the block's end, exactly. A block's sums are whole
numbers; they meet the two scales, of x and of w, in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import int32, njit
from truetpot.kernels._lib.numba.linear.panels import BLOCK, Blocks

from truetpot.runtime import simd
from truetpot.runtime.simd import LOADS

_ACCUMULATORS = 20
"""Registers, of 32, for sums of bytes: two a part and row of x. Each row takes one more."""
_NIBBLE_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)
"""Of eight k of a lane: its low nibbles, byte by byte, then its high ones."""


def most(parts: int) -> int:
    """Rows of x that share a sweep."""
    return _ACCUMULATORS // (2 * parts)


def row_bytes(parts: int) -> Callable[[int], tuple[int, int]]:
    """A record a block, and nothing beside it."""
    return lambda k: (k // BLOCK * simd.record_bytes(parts), 0)


@cache
def prepare(blocks: Blocks, dtype: str, parts: int) -> Callable[..., Any]:
    """njit ``(x, m, k, records, beside)``, all addresses but m and k; x [m, k] in ``dtype``."""
    load, lane_bytes = LOADS[dtype]
    order = (*_NIBBLE_ORDER, *(8 + i for i in _NIBBLE_ORDER)) if blocks.bits == 4 else range(16)
    write = simd.write_record(load, lane_bytes, parts, tuple(order), blocks.zero)
    size, record = BLOCK * lane_bytes // simd.LANES, simd.record_bytes(parts)

    @njit(boundscheck=False)
    def run(x, m, k, records, beside):  # type: ignore[no-untyped-def]
        for b in range(m * (k // BLOCK)):
            write(x + b * size, records + b * record)

    return run


def dot(blocks: Blocks, parts: int) -> Callable[[int, int, int], Callable[..., Any]]:
    """As :class:`.paths.Path` has it; ``unroll`` is not used: the loop over vectors is unrolled."""
    record, offsets = simd.record_bytes(parts), BLOCK * parts
    scale, total = offsets + 4 * parts, offsets + 4 * parts + 4
    step, codes_at, minimum, nibbles = (
        blocks.step, blocks.codes_at, blocks.minimum, blocks.bits == 4
    )  # fmt: skip
    each = 1 if nibbles else 2
    turns, lines = blocks.vectors // each, -(-step // 64)
    lower, upper, none = int32(0x0F0F0F0F), int32(-0x0F0F0F10), int32(0)
    load, prefetch, and_or = simd.load_i32, simd.prefetch, simd.and_or
    load_scales = simd.load_f16 if nibbles else simd.load_f32
    load_minima = simd.load_f16

    def compiled(rows: int, ahead: int, unroll: int) -> Callable[..., Any]:
        block, dots = simd.block(rows), simd.byte_dots(rows, parts, 4 if nibbles else 0)
        zero, fma, fill = block.zero, block.fma, block.fill
        nothing, start, add, scaled = dots.zero, dots.start, dots.add_products, dots.scaled

        @njit(boundscheck=False)
        def dot(w, x, stride, beside, beside_stride, k):  # type: ignore[no-untyped-def]
            y = zero()
            for _ in range(k // BLOCK):
                low, high = start(x + offsets, stride), nothing()
                if ahead:
                    for line in range(lines):
                        prefetch(w + ahead + 64 * line)
                for j in range(turns):
                    at, xj = w + codes_at + 64 * each * j, x + 8 * j
                    q = load(at)
                    if nibbles:
                        low = add(low, and_or(q, lower, none), xj, stride)
                        high = add(high, and_or(q, upper, none), xj + 4, stride)
                    else:
                        low = add(low, q, xj, stride)
                        high = add(high, load(at + 64), xj + 4, stride)
                y = fma(y, load_scales(w), scaled(low, high, x + scale, stride))
                if minimum:
                    y = fma(y, load_minima(w + 32), fill(x + total, stride))
                w += step
                x += record
            return y

        return dot

    return compiled
