"""Moving lanes: pairs of 16-bit words, and sums of sixteen vectors folded as a tree."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from truetpot.runtime.simd.vector import (
    F32,
    F32X16T,
    I16T,
    I32T,
    I32X16T,
    I64T,
    LANES,
    op,
    pointer_to,
)


def interleave_words(builder: Any, a: Any, b: Any, first: int) -> Any:
    """Interleave 16-bit words of a and b, half of each 128-bit lane, as ``vpunpck?wd`` does."""
    order = [
        8 * lane + first + word + 32 * which
        for lane in range(4)
        for word in range(4)
        for which in range(2)
    ]
    i16x32 = ir.VectorType(I16T, 32)
    mask = ir.Constant(ir.VectorType(I32T, 32), order)
    halves = [builder.bitcast(v, i16x32) for v in (a, b)]
    return builder.bitcast(builder.shuffle_vector(*halves, mask), I32X16T)


def _fours(builder: Any, low: Any, high: Any, first: int) -> Any:
    order = [
        4 * lane + i + LANES * which
        for lane in (first, first + 1)
        for which in range(2)
        for i in range(4)
    ]
    return builder.shuffle_vector(low, high, ir.Constant(ir.VectorType(I32T, LANES), order))


@op(F32, F32, F32)
def unpair_first(builder: Any, low: Any, high: Any) -> Any:
    """Elements 0..15 of the 32 that ``paired_rows`` dealt out."""
    return _fours(builder, low, high, 0)


@op(F32, F32, F32)
def unpair_second(builder: Any, low: Any, high: Any) -> Any:
    """The same of elements 16 to 31."""
    return _fours(builder, low, high, 2)


def _halving_orders() -> list[tuple[list[int], list[int]]]:
    """For each of four levels, the two shuffles whose sum folds two vectors into one."""
    unpack = [
        [
            4 * lane + i + LANES * w
            for lane in range(4)
            for i in (2 * h, 2 * h + 1)
            for w in range(2)
        ]
        for h in range(2)
    ]
    wide = [
        [4 * lane + 2 * h + i + LANES * w for lane in range(4) for w in range(2) for i in range(2)]
        for h in range(2)
    ]
    lanes = [
        [4 * lane + i + LANES * w for w in range(2) for lane in (h, h + 2) for i in range(4)]
        for h in range(2)
    ]
    return [(o[0], o[1]) for o in (unpack, wide, lanes, lanes)]


def fold(builder: Any, vectors: list[Any], levels: slice) -> Any:
    """Halve the number of vectors level by level, adding lanes that belong together."""
    for orders in _halving_orders()[levels]:
        masks = [ir.Constant(ir.VectorType(I32T, LANES), order) for order in orders]
        vectors = [
            builder.fadd(*(builder.shuffle_vector(a, b, mask) for mask in masks))
            for a, b in zip(vectors[::2], vectors[1::2], strict=True)
        ]
    return vectors[0]


def _fold_order() -> list[int]:
    """Where each of sixteen vectors' sums ends up after all four levels."""
    owners = [[i] * LANES for i in range(LANES)]
    for first, _ in _halving_orders():
        owners = [
            [(a + b)[k] for k in first] for a, b in zip(owners[::2], owners[1::2], strict=True)
        ]
    return [owners[0].index(i) for i in range(LANES)]


@op(F32, types.int64)
def sums_of_four_folds(builder: Any, address: Any) -> Any:
    """Lane i: the sum of the i-th of sixteen vectors, from four that ``fold_four`` left there."""
    step = ir.Constant(I64T, 64)
    vectors = []
    for i in range(4):
        at = builder.add(address, builder.mul(step, ir.Constant(I64T, i)))
        vectors.append(builder.load(pointer_to(builder, at, F32X16T), align=1))
    whole = fold(builder, vectors, slice(2, 4))
    mask = ir.Constant(ir.VectorType(I32T, LANES), _fold_order())
    return builder.shuffle_vector(whole, whole, mask)
