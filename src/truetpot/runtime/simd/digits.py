"""Activations as signed bytes, and their products with unsigned ones by ``vpdpbusd``.

A block of 64 activations becomes integers X of ``parts`` bytes under one scale, x = X * scale:

    scale = max|x| / limit        limit = 127 * 256^(parts - 1)
    X = sum of p_i * 256^i        p_i from -128 to 127

so that the sum of q * X over unsigned bytes q is ``parts`` exact integer sums. For 2, 3 or 4 parts
X is x rounded to 16, 24 or 32 bits, sign included, of the block's largest magnitude.

One record a block, little-endian: parts * 64 bytes p_i, part by part; an int32 a part, -zero times
the sum of its p_i, which an accumulator starts from where q is ``zero`` more than the weight; the
scale and scale * (sum of X), float32. A block that has an infinity or a NaN gets a scale that makes
its sums infinite or NaN. One whose magnitudes are all below 2^-64 is rounded as if 2^-64 were the
largest.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types

from truetpot.runtime.simd.arithmetic import reduce_add_i32
from truetpot.runtime.simd.block import BlockType
from truetpot.runtime.simd.vector import (
    F32T,
    F32X16T,
    I32,
    I32T,
    I32X16T,
    I64T,
    LANES,
    call_intrinsic,
    constant,
    op,
    pointer_to,
    splat_value,
)

BLOCK = 64
SMALLEST = 2.0**-64
"""Of a block's largest magnitude: a scale and a weight's scale then multiply to a normal number."""
_I8 = ir.IntType(8)


def record_bytes(parts: int) -> int:
    """Bytes of one block's record."""
    return (BLOCK + 4) * parts + 8


def limit(parts: int) -> int:
    """The largest magnitude of X: exact in float32, and one more still fits the parts."""
    return 127 << 8 * (parts - 1)


class ByteDots(NamedTuple):
    """Sums of q * X for ``rows`` rows of x, whose records are ``stride`` bytes apart; unrolled."""

    zero: Any
    """``() -> sums``"""
    start: Any
    """``(address, stride) -> sums``: the int32 a part that are there, in every lane"""
    add_products: Any
    """``(sums, q, address, stride) -> sums``: each lane's four bytes times the four there"""
    scaled: Any
    """``(low, high, address, stride) -> block``: (low + high / 2^shift) * the scale, float32"""


@cache
def byte_dots(rows: int, parts: int, shift: int) -> ByteDots:
    """The operations for ``rows`` rows of x in ``parts`` parts.

    One long function: each operation is a closure over the same sizes and helpers.
    """
    i64, kind, results = types.int64, BlockType(rows * parts, I32X16T), BlockType(rows)
    zeros = ir.Constant(kind.llvm_type, [constant(I32X16T, 0)] * (rows * parts))

    def broadcast(builder: Any, address: Any, stride: Any, row: int, offset: int) -> Any:
        at = builder.add(address, builder.mul(stride, ir.Constant(I64T, row)))
        pointer = pointer_to(builder, builder.add(at, ir.Constant(I64T, offset)), I32T)
        return splat_value(builder, builder.load(pointer, align=1), I32X16T)

    def each(builder: Any, sums: Any, value: Any) -> Any:
        for i in range(rows * parts):
            old = builder.extract_value(sums, i)
            sums = builder.insert_value(sums, value(i // parts, i % parts, old), i)
        return sums

    @op(kind)
    def zero(builder: Any) -> Any:
        return zeros

    @op(kind, i64, i64)
    def start(builder: Any, address: Any, stride: Any) -> Any:
        return each(
            builder, zeros, lambda row, i, _: broadcast(builder, address, stride, row, 4 * i)
        )

    @op(kind, kind, I32, i64, i64)
    def add_products(builder: Any, sums: Any, q: Any, address: Any, stride: Any) -> Any:
        def one(row: int, i: int, old: Any) -> Any:
            x = broadcast(builder, address, stride, row, BLOCK * i)
            return call_intrinsic(
                builder, "llvm.x86.avx512.vpdpbusd.512", I32X16T, [old, q, x]
            )

        return each(builder, sums, one)

    @op(results, kind, kind, i64, i64)
    def scaled(builder: Any, low: Any, high: Any, address: Any, stride: Any) -> Any:
        def part(row: int, i: int) -> Any:
            one, two = (builder.extract_value(v, row * parts + i) for v in (low, high))
            return builder.add(one, builder.ashr(two, constant(I32X16T, shift)))

        def pair(row: int, i: int) -> Any:
            """Parts i and i + 1 as one integer, which fits 32 bits, in float32."""
            whole = part(row, i)
            if i + 1 < parts:
                upper = builder.shl(part(row, i + 1), constant(I32X16T, 8))
                whole = builder.add(whole, upper)
            return builder.sitofp(whole, F32X16T)

        block = ir.Constant(results.llvm_type, ir.Undefined)
        for row in range(rows):
            value = pair(row, 0)
            for i in range(2, parts, 2):
                args = [pair(row, i), constant(F32X16T, 2.0 ** (8 * i)), value]
                value = call_intrinsic(builder, "llvm.fma.v16f32", F32X16T, args)
            scale = builder.bitcast(broadcast(builder, address, stride, row, 0), F32X16T)
            block = builder.insert_value(block, builder.fmul(value, scale), row)
        return block

    return ByteDots(zero, start, add_products, scaled)


@cache
def write_record(load: Any, lane_bytes: int, parts: int, order: tuple[int, ...], zero: int) -> Any:
    """``(x, out)``: 64 activations at an address as one record.

    ``load`` and ``lane_bytes`` are those of their dtype. ``order[i]``: which of each 16 comes i-th.
    """
    bias = constant(I32X16T, sum(128 << 8 * i for i in range(parts - 1)))

    @op(types.void, types.int64, types.int64)
    def write(builder: Any, x: Any, out: Any) -> Any:
        def at(address: Any, offset: int) -> Any:
            return builder.add(address, ir.Constant(I64T, offset))

        values = [load.emit(builder, at(x, lane_bytes * i)) for i in range(BLOCK // LANES)]
        largest = _largest(builder, values)
        to_integers = builder.fdiv(ir.Constant(F32T, float(limit(parts))), largest)
        scale = builder.fdiv(largest, ir.Constant(F32T, float(limit(parts))))
        factor = splat_value(builder, to_integers, F32X16T)
        sums = [constant(I32X16T, 0)] * parts
        for index, value in enumerate(values):
            whole = _rounded(builder, builder.fmul(value, factor))
            # with 128 added to all but the upper one, the parts are the number's bytes
            biased = builder.xor(builder.add(whole, bias), bias)
            for i in range(parts):
                up = builder.shl(biased, constant(I32X16T, 24 - 8 * i))
                one = builder.ashr(up, constant(I32X16T, 24))
                sums[i] = builder.add(sums[i], one)
                lanes = ir.Constant(ir.VectorType(I32T, LANES), list(order))
                moved = builder.shuffle_vector(one, one, lanes)
                bytes_ = builder.trunc(moved, ir.VectorType(_I8, LANES))
                where = at(out, BLOCK * i + LANES * index)
                builder.store(bytes_, pointer_to(builder, where, bytes_.type), align=1)
        total = ir.Constant(F32T, 0.0)
        for i in reversed(range(parts)):
            one = reduce_add_i32.emit(builder, sums[i])
            offset = builder.mul(one, ir.Constant(I32T, -zero))
            where = pointer_to(builder, at(out, BLOCK * parts + 4 * i), I32T)
            builder.store(offset, where, align=1)
            total = builder.fmul(total, ir.Constant(F32T, 256.0))
            total = builder.fadd(total, builder.sitofp(one, F32T))
        for i, value in enumerate((scale, builder.fmul(total, scale))):
            where = pointer_to(builder, at(out, (BLOCK + 4) * parts + 4 * i), F32T)
            builder.store(value, where, align=1)

    return write


def _largest(builder: Any, values: list[Any]) -> Any:
    """The largest magnitude, at least SMALLEST; by its bits, above which a NaN's are."""
    sizes = constant(I32X16T, 0)
    for value in values:
        bits = builder.and_(builder.bitcast(value, I32X16T), constant(I32X16T, 0x7FFFFFFF))
        sizes = builder.select(builder.icmp_signed(">", bits, sizes), bits, sizes)
    largest = call_intrinsic(builder, "llvm.vector.reduce.umax.v16i32", I32T, [sizes])
    largest = builder.bitcast(largest, F32T)
    small = builder.fcmp_ordered("<", largest, ir.Constant(F32T, SMALLEST))
    return builder.select(small, ir.Constant(F32T, SMALLEST), largest)


def _rounded(builder: Any, value: Any) -> Any:
    """To the nearest int32; what does not fit becomes some integer."""
    nearest = call_intrinsic(builder, "llvm.roundeven.v16f32", F32X16T, [value])
    return call_intrinsic(builder, "llvm.fptosi.sat.v16i32.v16f32", I32X16T, [nearest])
