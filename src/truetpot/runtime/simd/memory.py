"""Loads, stores and prefetch. Addresses are integers; nothing need be aligned."""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import types

from truetpot.runtime.simd.vector import (
    F16T,
    F32,
    F32T,
    F32X16T,
    I16T,
    I32,
    I32T,
    I32X16T,
    I64T,
    LANES,
    BFloatType,
    call_intrinsic,
    constant,
    op,
    pointer_to,
    splat_value,
    widen_bf16,
)


def _lanes_below(builder: Any, count: Any) -> Any:
    lanes = ir.Constant(ir.VectorType(I64T, LANES), list(range(LANES)))
    return builder.icmp_unsigned("<", lanes, splat_value(builder, count, lanes.type))


def _masked_load(builder: Any, address: Any, vector: ir.VectorType, count: Any) -> Any:
    mask = _lanes_below(builder, count)
    suffix = {F32T: "f32", F16T: "f16", I16T: "i16"}[vector.element]
    pointer, zeros = pointer_to(builder, address, vector), ir.Constant(vector, None)
    args = [pointer, ir.Constant(I32T, 1), mask, zeros]
    return call_intrinsic(builder, f"llvm.masked.load.v16{suffix}.p0", vector, args)


def _masked_store(builder: Any, value: Any, address: Any, count: Any) -> None:
    mask = _lanes_below(builder, count)
    suffix = {F32T: "f32", F16T: "f16", I16T: "i16"}[value.type.element]
    args = [value, pointer_to(builder, address, value.type), ir.Constant(I32T, 1), mask]
    call_intrinsic(builder, f"llvm.masked.store.v16{suffix}.p0", ir.VoidType(), args)


@op(I32, types.int64)
def load_i32(builder: Any, address: Any) -> Any:
    """Sixteen int32 from any address."""
    return builder.load(pointer_to(builder, address, I32X16T), align=1)


@op(F32, types.int64)
def load_f32(builder: Any, address: Any) -> Any:
    """Sixteen float32 from any address."""
    return builder.load(pointer_to(builder, address, F32X16T), align=1)


@op(F32, types.int64)
def load_f16(builder: Any, address: Any) -> Any:
    """Sixteen fp16 from any address, widened."""
    halves = builder.load(pointer_to(builder, address, ir.VectorType(F16T, LANES)), align=1)
    return builder.fpext(halves, F32X16T)


@op(F32, types.int64)
def load_bf16(builder: Any, address: Any) -> Any:
    """Sixteen bf16 from any address, widened."""
    halves = builder.load(pointer_to(builder, address, ir.VectorType(I16T, LANES)), align=1)
    return widen_bf16(builder, halves)


@op(F32, types.int64)
def load_e5m2(builder: Any, address: Any) -> Any:
    """Sixteen fp8 e5m2 bytes from any address, widened: the byte is the upper half of an fp16."""
    codes = builder.load(pointer_to(builder, address, ir.VectorType(ir.IntType(8), LANES)), align=1)
    i16x16 = ir.VectorType(I16T, LANES)
    halves = builder.shl(builder.zext(codes, i16x16), constant(i16x16, 8))
    return builder.fpext(builder.bitcast(halves, ir.VectorType(F16T, LANES)), F32X16T)


@cache
def load_some(dtype: str) -> Any:
    """``(address, count) -> vector``: the first ``count`` values of a dtype, zeros after them."""
    vector = ir.VectorType({"fp32": F32T, "fp16": F16T, "bf16": I16T}[dtype], LANES)

    @op(F32, types.int64, types.int64)
    def load(builder: Any, address: Any, count: Any) -> Any:
        values = _masked_load(builder, address, vector, count)
        if dtype == "bf16":
            return widen_bf16(builder, values)
        return values if dtype == "fp32" else builder.fpext(values, F32X16T)

    return load


@op(types.void, types.int64, F32, types.int64)
def store_f32(builder: Any, address: Any, value: Any, count: Any) -> Any:
    """The first ``count`` lanes to any address."""
    _masked_store(builder, value, address, count)


@op(types.void, types.int64, F32, types.int64)
def store_f16(builder: Any, address: Any, value: Any, count: Any) -> Any:
    """The first ``count`` lanes to any address, rounded to fp16."""
    _masked_store(builder, builder.fptrunc(value, ir.VectorType(F16T, LANES)), address, count)


@op(types.void, types.int64, F32, types.int64)
def store_bf16(builder: Any, address: Any, value: Any, count: Any) -> Any:
    """The first ``count`` lanes to any address, rounded to bf16."""
    halves = builder.fptrunc(value, ir.VectorType(BFloatType(), LANES))
    bits = builder.bitcast(halves, ir.VectorType(I16T, LANES))
    _masked_store(builder, bits, address, count)


def _scalar(kind: types.Type, pointee: ir.Type, what: str) -> tuple[Any, Any]:
    """``peek(address) -> value`` and ``poke(address, value)`` for one scalar."""

    def peek(builder: Any, address: Any) -> Any:
        return builder.load(pointer_to(builder, address, pointee), align=1)

    def poke(builder: Any, address: Any, value: Any) -> Any:
        builder.store(value, pointer_to(builder, address, pointee), align=1)

    peek.__doc__, poke.__doc__ = f"The {what} at an address.", f"Write one {what}."
    return op(kind, types.int64)(peek), op(types.void, types.int64, kind)(poke)


peek_f32, poke_f32 = _scalar(types.float32, F32T, "float32")
peek_i32, poke_i32 = _scalar(types.int32, I32T, "int32")
peek_i64, poke_i64 = _scalar(types.int64, I64T, "int64")


@op(types.int64, types.int64, types.int64)
def fetch_add(builder: Any, address: Any, amount: Any) -> Any:
    """Add to the int64 at an address, atomically; what it was before."""
    return builder.atomic_rmw("add", pointer_to(builder, address, I64T), amount, "monotonic")


@op(types.void, types.int64, types.int64, types.int64)
def call_pair(builder: Any, function: Any, first: Any, second: Any) -> Any:
    """Call ``void(int64, int64)`` at an address, such as that of a ``numba.cfunc``."""
    kind = ir.FunctionType(ir.VoidType(), [I64T, I64T])
    builder.call(builder.inttoptr(function, kind.as_pointer()), [first, second])


@op(types.void, types.int64)
def prefetch(builder: Any, address: Any) -> Any:
    """Ask for the cache line at an address, into the L2; harmless past the end of an allocation.

    Not into the L1: its few miss buffers are what the loads themselves wait for (twice the time on
    Zen 4, docs/performance/cpu.md).
    """
    pointer = builder.inttoptr(address, ir.IntType(8).as_pointer())
    flags = [ir.Constant(I32T, v) for v in (0, 2, 1)]  # read, from the L2 on, data
    call_intrinsic(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, *flags])


LOADS: dict[str, tuple[Any, int]] = {
    "fp32": (load_f32, 64),
    "fp16": (load_f16, 32),
    "bf16": (load_bf16, 32),
    "fp8_e5m2": (load_e5m2, 16),
}
"""The load of each dtype or format, and the bytes of sixteen elements."""
STORES: dict[str, tuple[Any, int]] = {
    "fp32": (store_f32, 4),
    "fp16": (store_f16, 2),
    "bf16": (store_bf16, 2),
}
"""The store of each dtype, and the bytes of one element."""
