"""Lane-by-lane arithmetic and reductions over the lanes."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from truetpot.runtime.simd.vector import (
    F32,
    F32X16T,
    I32,
    I32T,
    I32X16T,
    call_intrinsic,
    constant,
    op,
    splat_value,
)


@op(F32)
def zero(builder: Any) -> Any:
    """A vector of sixteen float32 zeros."""
    return constant(F32X16T, 0.0)


@op(I32)
def zero_i32(builder: Any) -> Any:
    """A vector of sixteen int32 zeros."""
    return constant(I32X16T, 0)


@op(F32, types.float32)
def splat(builder: Any, value: Any) -> Any:
    """One float32 in every lane."""
    return splat_value(builder, value, F32X16T)


@op(F32, F32, F32, F32)
def fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""
    return call_intrinsic(builder, "llvm.fma.v16f32", F32X16T, [a, b, c])


@op(F32, F32, F32)
def add(builder: Any, a: Any, b: Any) -> Any:
    """``a + b`` in each of the sixteen lanes."""
    return builder.fadd(a, b)


@op(F32, F32, F32)
def mul(builder: Any, a: Any, b: Any) -> Any:
    """``a * b`` in each of the sixteen lanes."""
    return builder.fmul(a, b)


@op(F32, F32, F32)
def maximum(builder: Any, a: Any, b: Any) -> Any:
    """The larger of each pair of lanes."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


@op(F32, I32)
def to_f32(builder: Any, a: Any) -> Any:
    """Small unsigned integers as float32."""
    return builder.uitofp(a, F32X16T)


@op(I32, I32, I32)
def add_i32(builder: Any, a: Any, b: Any) -> Any:
    """``a + b`` in each of the sixteen int32 lanes."""
    return builder.add(a, b)


@op(I32, I32, types.int32)
def shift_right(builder: Any, a: Any, bits: Any) -> Any:
    """Logical shift of each lane by the same number of bits."""
    return builder.lshr(a, splat_value(builder, bits, I32X16T))


@op(I32, I32, types.int32, types.int32)
def and_or(builder: Any, a: Any, mask: Any, bits: Any) -> Any:
    """``(a & mask) | bits``: one ``vpternlogd``."""
    masked = builder.and_(a, splat_value(builder, mask, I32X16T))
    return builder.or_(masked, splat_value(builder, bits, I32X16T))


def _reduce(builder: Any, vector: Any, combine: Any) -> Any:
    """Fold the lanes pairwise."""
    for half in (8, 4, 2, 1):
        lower = ir.Constant(ir.VectorType(I32T, half), list(range(half)))
        upper = ir.Constant(ir.VectorType(I32T, half), list(range(half, 2 * half)))
        vector = combine(
            builder.shuffle_vector(vector, vector, lower),
            builder.shuffle_vector(vector, vector, upper),
        )
    return builder.extract_element(vector, ir.Constant(I32T, 0))


@op(types.float32, F32)
def reduce_add(builder: Any, a: Any) -> Any:
    """Sum over the sixteen lanes, pairwise."""
    return _reduce(builder, a, builder.fadd)


@op(types.int32, I32)
def reduce_add_i32(builder: Any, a: Any) -> Any:
    """Sum over the sixteen lanes, modulo 2**32."""
    return _reduce(builder, a, builder.add)


@op(types.float32, F32)
def reduce_max(builder: Any, a: Any) -> Any:
    """Largest of the sixteen lanes."""

    def larger(x: Any, y: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", x, y), x, y)

    return _reduce(builder, a, larger)


@op(types.float32, F32)
def first_lane(builder: Any, a: Any) -> Any:
    """The value of lane 0, a scalar."""
    return builder.extract_element(a, ir.Constant(I32T, 0))


def _exp(builder: Any, x: Any) -> Any:
    """e**x to about 2 ulp; 0 below -87 and e**88 above 88.

    x = n ln 2 + r with n whole; e**r by its Taylor polynomial of degree 6 (|r| <= ln 2 / 2, so the
    remainder is below 2e-7 of the value), times 2**n put together from its bits.
    """

    def const(value: float) -> Any:
        return constant(F32X16T, value)

    def fused(a: Any, b: Any, c: Any) -> Any:
        return call_intrinsic(builder, "llvm.fma.v16f32", F32X16T, [a, b, c])

    tiny = builder.fcmp_ordered("<", x, const(-87.0))
    x = builder.select(tiny, const(-87.0), x)
    x = builder.select(builder.fcmp_ordered(">", x, const(88.0)), const(88.0), x)
    n = call_intrinsic(
        builder, "llvm.roundeven.v16f32", F32X16T, [builder.fmul(x, const(1.4426950408889634))]
    )
    r = fused(n, const(-0.693359375), x)  # ln 2 in two parts, the first exact in few bits
    r = fused(n, const(2.12194440e-4), r)
    p = const(1 / 720)
    for coefficient in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        p = fused(p, r, const(coefficient))
    bits = builder.add(builder.fptosi(n, I32X16T), constant(I32X16T, 127))
    scale = builder.bitcast(builder.shl(bits, constant(I32X16T, 23)), F32X16T)
    return builder.select(tiny, const(0.0), builder.fmul(p, scale))


exp = op(F32, F32)(_exp)


@op(F32, F32)
def silu(builder: Any, x: Any) -> Any:
    """x / (1 + e**-x)."""
    one = constant(F32X16T, 1.0)
    return builder.fdiv(x, builder.fadd(one, _exp(builder, builder.fneg(x))))
