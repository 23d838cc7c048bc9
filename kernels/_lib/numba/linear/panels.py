"""Weight panels: the layout in which the numba linears stream weights, and the dot over one panel.

Sixteen output rows make a panel; lane r of every vector belongs to row r, so a panel needs no
horizontal sum and its bytes are read in one forward sweep, which the hardware's prefetcher follows
by itself: software prefetch, which is a launch parameter (:mod:`.sweep`), made it slower on the
machine of docs/performance/cpu.md.

=============  ====================================================================  =============
format         one step of a panel                                                   bytes a step
=============  ====================================================================  =============
fp32 fp16 bf16 the 16 rows' weights of one k                                         16 x size
fp8_e5m2       likewise                                                              16
sym_int4       64 k: 16 fp16 scales, then 8 vectors of int32; nibble i of a lane's   32 + 512
               low half is k = 8j + 2i of vector j, of its high half k = 8j + 2i + 1
=============  ====================================================================  =============

sym_int4 by ``vdpbf16ps``: a nibble OR-ed into 0x4300 is the bf16 number 128 + q, so two nibbles of
a lane, masked and OR-ed at once, are a pair of weights offset by 128 + 8 (the format's zero point);
136 times the sum of x over the block, the same for every row, is taken off where the block's
accumulators start. Products of bf16 are exact in float32. An fp16 activation is cut into two bf16
terms that add up to it, each a column of its own. Where there is no ``vdpbf16ps``, and for fp32
activations (whose precision the offset of 136 would cost two digits of), the nibbles are
converted and multiplied in float32, offset 8.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import int32, njit, prange

from truetpot.formats import Weight
from truetpot.runtime import simd
from truetpot.runtime.memory import huge_empty
from truetpot.runtime.simd import LOADS

ROWS = simd.LANES
BLOCK = 64
INT4_STEP = 2 * ROWS + BLOCK // 2 * ROWS

TERMS = {"bf16": 1, "fp16": 2}
"""bf16 terms that add up to one activation, by dtype: 8 significant bits each."""


def by_dot(weight_format: str, dtype: str) -> bool:
    """Whether a linear takes the ``vdpbf16ps`` path here."""
    return simd.HAS_BF16_DOT and weight_format == "sym_int4" and dtype in TERMS


def terms(weight_format: str, dtype: str) -> int:
    """Columns that one activation row becomes."""
    return TERMS[dtype] if by_dot(weight_format, dtype) else 1


def panel_bytes(weight_format: str, k: int) -> int:
    """Bytes of one panel."""
    return k // BLOCK * INT4_STEP if weight_format == "sym_int4" else k * LOADS[weight_format][1]


def pack(weight: Weight, halves: int = 1) -> np.ndarray:
    """The weight as uint8 panels, the last one filled up with zero rows.

    With ``halves`` 2 the two halves of the rows (gate and up) alternate panel by panel.
    """
    n, k = weight.shape
    rows = n // halves
    panels = -(-rows // ROWS)
    size = panel_bytes(weight.format, k)
    out = huge_empty(panels * halves * size).reshape(panels, halves, size)
    codes = weight.codes.reshape(halves, rows, -1)
    scales = None if weight.scales is None else weight.scales.reshape(halves, rows, -1)
    for half in range(halves):
        if weight.format == "sym_int4":
            assert scales is not None
            panel = out[:, half]
            _pack_int4(
                codes[half].view(np.uint64),
                scales[half].view(np.uint16),
                panel.view(np.uint32),
                panel.view(np.uint16),
            )
        else:
            _pack_plain(codes[half].view(_bits(weight.codes.dtype)), out[:, half])
    return out


def _bits(dtype: np.dtype) -> Any:
    return {1: np.uint8, 2: np.uint16, 4: np.uint32}[dtype.itemsize]


def _pack_plain(codes: np.ndarray, out: np.ndarray) -> None:
    k = codes.shape[1]
    view = np.lib.stride_tricks.as_strided(
        out[:, : codes.itemsize].view(codes.dtype),
        shape=(len(out), k, ROWS),
        strides=(out.strides[0], ROWS * codes.itemsize, codes.itemsize),
    )
    _interleave(codes, view)


@njit(parallel=True, boundscheck=False)
def _interleave(codes, out):  # type: ignore[no-untyped-def]
    n, k = codes.shape
    for p in prange(out.shape[0]):
        for r in range(ROWS):
            row = p * ROWS + r
            for i in range(k):
                out[p, i, r] = codes[row, i] if row < n else 0


@njit(parallel=True, boundscheck=False)
def _pack_int4(codes, scales, words, halves):  # type: ignore[no-untyped-def]
    """codes uint64 [n, 4 blocks], scales uint16 [n, blocks]; out seen as uint32 and as uint16."""
    n, blocks = scales.shape
    for p in prange(words.shape[0]):
        for b in range(blocks):
            at = b * (INT4_STEP // 4) + ROWS // 2
            for r in range(ROWS):
                row = p * ROWS + r
                halves[p, b * (INT4_STEP // 2) + r] = scales[row, b] if row < n else 0
                for i in range(4):
                    eight = codes[row, 4 * b + i] if row < n else _NONE
                    # bytes 8i .. 8i + 7: low nibbles are elements 8i .., high ones 32 + 8i ..
                    words[p, at + ROWS * i + r] = _gather(eight & _NIBBLES)
                    words[p, at + ROWS * (4 + i) + r] = _gather((eight >> _FOUR) & _NIBBLES)


_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
_EVEN = np.uint64(0x00FF00FF00FF00FF)
_NONE, _FOUR, _EIGHT, _TWELVE, _DOWN = (np.uint64(v) for v in (0, 4, 8, 12, 24))
_LOW, _NEXT = np.uint64(0xFF), np.uint64(0xFF00)


@njit(boundscheck=False)
def _gather(eight):  # type: ignore[no-untyped-def]
    """Eight nibbles, one a byte, as a lane: the even ones in the low half, the odd in the high."""
    even, odd = eight & _EVEN, (eight >> _EIGHT) & _EVEN
    even, odd = even | (even >> _TWELVE), odd | (odd >> _TWELVE)
    low = (even & _LOW) | ((even >> _DOWN) & _NEXT)
    high = (odd & _LOW) | ((odd >> _DOWN) & _NEXT)
    return np.uint32(low) | (np.uint32(high) << np.uint32(16))


@cache
def panel_dot(
    weight_format: str, dtype: str, columns: int, ahead: int = 0, unroll: int = 1
) -> Callable[..., Any]:
    """njit ``(w, x, stride, offsets, offset_stride, k) -> Block(columns)``: one panel times x.

    w: the panel's address. x: bf16 or float32 columns (see :func:`prepare`), ``stride`` bytes
    apart. offsets: float32 [columns, k / 64], what each block's accumulators start from. ``ahead``:
    bytes from a load to the line that is prefetched with it, 0 for none. ``unroll``: turns of the
    loop that are one, of the plain formats.
    """
    if weight_format == "sym_int4":  # the loop over a block's vectors is unrolled as it is
        return (_int4_bf16 if by_dot(weight_format, dtype) else _int4_generic)(columns, ahead)
    return _plain_dot(weight_format, columns, ahead, unroll)


def _plain_dot(weight_format: str, columns: int, ahead: int, unroll: int) -> Callable[..., Any]:
    load, step = LOADS[weight_format]
    block = simd.block(columns)
    zero, fma, add, prefetch = block.zero, block.fma_broadcast, block.add, simd.prefetch
    each = 4 * unroll

    @njit(boundscheck=False)
    def dot(w, x, stride, offsets, offset_stride, k):  # type: ignore[no-untyped-def]
        a0, a1, a2, a3 = zero(), zero(), zero(), zero()
        for i in range(k // each):
            if ahead:
                for line in range(0, each * step, 64):
                    prefetch(w + i * each * step + ahead + line)
            for u in range(unroll):
                at, xi = w + (i * unroll + u) * 4 * step, x + 16 * (i * unroll + u)
                a0 = fma(a0, load(at), xi, stride)
                a1 = fma(a1, load(at + step), xi + 4, stride)
                a2 = fma(a2, load(at + 2 * step), xi + 8, stride)
                a3 = fma(a3, load(at + 3 * step), xi + 12, stride)
        for i in range(k // each * each, k):
            a0 = fma(a0, load(w + i * step), x + 4 * i, stride)
        return add(add(a0, a1), add(a2, a3))

    return dot


def _int4_bf16(columns: int, ahead: int) -> Callable[..., Any]:
    block = simd.block(columns)
    zero, dot_pairs, fma, add, fill = (
        block.zero, block.dot_broadcast, block.fma, block.add, block.fill
    )
    load, load_scales = simd.load_i32, simd.load_f16
    shift, and_or, prefetch = simd.shift_right, simd.and_or, simd.prefetch
    nibbles, base = int32(0x000F000F), int32(0x43004300)

    @njit(boundscheck=False)
    def dot(w, x, stride, offsets, offset_stride, k):  # type: ignore[no-untyped-def]
        y = zero()
        for b in range(k // BLOCK):
            d0 = fill(offsets + 4 * b, offset_stride)
            d1, d2, d3 = zero(), zero(), zero()
            if ahead:
                prefetch(w + ahead)
            for j in range(8):
                at, xj = w + 2 * ROWS + 64 * j, x + 16 * j
                if ahead:
                    prefetch(at + ahead)
                q = load(at)
                d0 = dot_pairs(d0, and_or(q, nibbles, base), xj, stride)
                d1 = dot_pairs(d1, and_or(shift(q, 4), nibbles, base), xj + 4, stride)
                d2 = dot_pairs(d2, and_or(shift(q, 8), nibbles, base), xj + 8, stride)
                d3 = dot_pairs(d3, and_or(shift(q, 12), nibbles, base), xj + 12, stride)
            y = fma(y, load_scales(w), add(add(d0, d1), add(d2, d3)))
            w += INT4_STEP
            x += 2 * BLOCK
        return y

    return dot


def _int4_generic(columns: int, ahead: int) -> Callable[..., Any]:
    block = simd.block(columns)
    zero, fma_x, fma, add, fill = (
        block.zero, block.fma_broadcast, block.fma, block.add, block.fill
    )
    load, load_scales, to_f32 = simd.load_i32, simd.load_f16, simd.to_f32
    shift, and_or, prefetch = simd.shift_right, simd.and_or, simd.prefetch
    nibble, none = int32(15), int32(0)

    @njit(boundscheck=False)
    def dot(w, x, stride, offsets, offset_stride, k):  # type: ignore[no-untyped-def]
        y = zero()
        for b in range(k // BLOCK):
            even, odd = fill(offsets + 4 * b, offset_stride), zero()
            if ahead:
                prefetch(w + ahead)
            for j in range(8):
                at = w + 2 * ROWS + 64 * j
                if ahead:
                    prefetch(at + ahead)
                q = load(at)
                for i in range(4):
                    xi = x + 32 * j + 8 * i
                    low = to_f32(and_or(shift(q, int32(4 * i)), nibble, none))
                    high = to_f32(and_or(shift(q, int32(4 * i + 16)), nibble, none))
                    even = fma_x(even, low, xi, stride)
                    odd = fma_x(odd, high, xi + 4, stride)
            y = fma(y, load_scales(w), add(even, odd))
            w += INT4_STEP
            x += 4 * BLOCK
        return y

    return dot


@cache
def prepare_int4(dtype: str) -> Callable[..., Any]:
    """njit ``(x, m, k, columns, offsets)``: activations in the form the int4 panel dot reads.

    x [m, k] in ``dtype``. columns: bf16 [m * terms, k] on the ``vdpbf16ps`` path, else float32
    [m, k]. offsets: float32 [m * terms, k / 64]. All are addresses.
    """
    load, lane_bytes = LOADS[dtype]
    size = lane_bytes // ROWS
    split, count = by_dot("sym_int4", dtype), terms("sym_int4", dtype)
    offset = np.float32(-136 if split else -8)
    load_bf16, store_bf16, store_f32 = simd.load_bf16, simd.store_bf16, simd.store_f32
    zero, add, fma, splat, total = simd.zero, simd.add, simd.fma, simd.splat, simd.reduce_add

    @njit(boundscheck=False)
    def run(x, m, k, columns, offsets):  # type: ignore[no-untyped-def]
        minus, blocks = splat(np.float32(-1.0)), k // BLOCK
        for row in range(m):
            for b in range(blocks):
                everything = zero()
                for i in range(4):
                    at = row * k + b * BLOCK + 16 * i
                    rest = load(x + at * size)
                    everything = add(everything, rest)
                    if split:
                        for t in range(count):
                            out = columns + 2 * (at + (row * (count - 1) + t) * k)
                            store_bf16(out, rest, 16)
                            rest = fma(minus, load_bf16(out), rest)
                    else:
                        store_f32(columns + 4 * at, rest, 16)
                # the terms add up to x, so the first column carries the whole offset
                sums = offsets + 4 * (row * count * blocks + b)
                store_f32(sums, splat(offset * total(everything)), 1)
                for t in range(1, count):
                    store_f32(sums + 4 * t * blocks, zero(), 1)

    return run
