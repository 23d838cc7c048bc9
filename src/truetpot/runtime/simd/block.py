"""Several accumulators at once, unrolled at compile time."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types
from numba.core.extending import models, register_model

from truetpot.runtime.simd.shuffle import fold
from truetpot.runtime.simd.vector import (
    BF16X32T,
    F32,
    F32T,
    F32X16T,
    I32,
    I32T,
    I32X16T,
    I64T,
    call_intrinsic,
    constant,
    op,
    pointer_to,
    splat_value,
)


class BlockType(types.Type):
    """A fixed number of vectors, of float32 or int32, that live in registers together."""

    def __init__(self, count: int, vector: ir.VectorType = F32X16T) -> None:
        self.llvm_type = ir.ArrayType(vector, count)
        super().__init__(name=f"{'f32' if vector == F32X16T else 'i32'}x16[{count}]")


@register_model(BlockType)
class BlockTypeModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: BlockType) -> None:
        super().__init__(dmm, fe_type, fe_type.llvm_type)  # type: ignore[no-untyped-call]


class Block(NamedTuple):
    """Operations on ``count`` accumulators, unrolled; addresses step by ``stride`` bytes."""

    zero: Any
    """``() -> acc``"""
    fma_broadcast: Any
    """``(acc, v, address, stride)``: acc[i] += v * float32 at address + i stride"""
    dot_broadcast: Any
    """``(acc, w, address, stride)``: acc[i] += bf16 pairs of w . the pair at address + i stride"""
    fma: Any
    """``(acc, v, other)``: acc[i] += v * other[i]"""
    dot: Any
    """``(acc, w, other)``: acc[i] += bf16 pairs of w . those that the bits of other[i] are"""
    fold_four: Any
    """``(a, b, c, d, address, stride)``: a[i] to d[i] folded to one vector of partial sums each;
    four such vectors in a row are what ``sums_of_four_folds`` takes"""
    add: Any
    """``(acc, other)``: acc[i] += other[i]"""
    fill: Any
    """``(address, stride)``: acc[i] = the float32 at address + i stride in every lane"""
    load: Any
    """``(address, stride)``: acc[i] = sixteen float32 at address + i stride"""
    store: Any
    """``(acc, address, stride)``: sixteen float32 each"""
    get: Any
    """``(acc, i) -> vector``, i a literal or a loop variable below count"""


@cache
def block(count: int) -> Block:
    """The operations for ``count`` accumulators; take them out of the tuple before ``@njit``.

    One long function: each operation is a closure over the same count and the same few helpers.
    """
    kind = BlockType(count)
    i64 = types.int64

    def at(builder: Any, address: Any, stride: Any, i: int) -> Any:
        return builder.add(address, builder.mul(stride, ir.Constant(I64T, i)))

    def each(builder: Any, acc: Any, value: Any) -> Any:
        """acc with element i replaced by ``value(i, old)``."""
        for i in range(count):
            acc = builder.insert_value(acc, value(i, builder.extract_value(acc, i)), i)
        return acc

    def fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
        return call_intrinsic(builder, "llvm.fma.v16f32", F32X16T, [a, b, c])

    def dotted(builder: Any, acc: Any, a: Any, b: Any) -> Any:
        pairs = [builder.bitcast(v, BF16X32T) for v in (a, b)]
        return call_intrinsic(builder, "llvm.x86.avx512bf16.dpbf16ps.512", F32X16T, [acc, *pairs])

    def read(builder: Any, address: Any, pointee: Any) -> Any:
        return builder.load(pointer_to(builder, address, pointee), align=1)

    @op(kind)
    def zero(builder: Any) -> Any:
        return ir.Constant(kind.llvm_type, [constant(F32X16T, 0.0)] * count)

    @op(kind, kind, F32, i64, i64)
    def fma_broadcast(builder: Any, acc: Any, v: Any, address: Any, stride: Any) -> Any:
        def one(i: int, old: Any) -> Any:
            x = read(builder, at(builder, address, stride, i), F32T)
            return fused(builder, v, splat_value(builder, x, F32X16T), old)

        return each(builder, acc, one)

    @op(kind, kind, I32, i64, i64)
    def dot_broadcast(builder: Any, acc: Any, w: Any, address: Any, stride: Any) -> Any:
        def one(i: int, old: Any) -> Any:
            x = read(builder, at(builder, address, stride, i), I32T)
            return dotted(builder, old, w, splat_value(builder, x, I32X16T))

        return each(builder, acc, one)

    @op(kind, kind, I32, kind)
    def dot(builder: Any, acc: Any, w: Any, other: Any) -> Any:
        return each(
            builder, acc, lambda i, old: dotted(builder, old, w, builder.extract_value(other, i))
        )

    @op(kind, kind, F32, kind)
    def fma(builder: Any, acc: Any, v: Any, other: Any) -> Any:
        return each(
            builder, acc, lambda i, old: fused(builder, v, builder.extract_value(other, i), old)
        )

    @op(kind, kind, kind)
    def add(builder: Any, acc: Any, other: Any) -> Any:
        return each(builder, acc, lambda i, old: builder.fadd(builder.extract_value(other, i), old))

    @op(kind, i64, i64)
    def fill(builder: Any, address: Any, stride: Any) -> Any:
        def one(i: int, old: Any) -> Any:
            x = read(builder, at(builder, address, stride, i), F32T)
            return splat_value(builder, x, F32X16T)

        return each(builder, ir.Constant(kind.llvm_type, ir.Undefined), one)

    @op(kind, i64, i64)
    def load(builder: Any, address: Any, stride: Any) -> Any:
        return each(
            builder,
            ir.Constant(kind.llvm_type, ir.Undefined),
            lambda i, old: read(builder, at(builder, address, stride, i), F32X16T),
        )

    @op(types.void, kind, i64, i64)
    def store(builder: Any, acc: Any, address: Any, stride: Any) -> Any:
        for i in range(count):
            pointer = pointer_to(builder, at(builder, address, stride, i), F32X16T)
            builder.store(builder.extract_value(acc, i), pointer, align=1)

    @op(types.void, kind, kind, kind, kind, i64, i64)
    def fold_four(builder: Any, a: Any, b: Any, c: Any, d: Any, address: Any, stride: Any) -> Any:
        for i in range(count):
            folded = fold(builder, [builder.extract_value(v, i) for v in (a, b, c, d)], slice(2))
            pointer = pointer_to(builder, at(builder, address, stride, i), F32X16T)
            builder.store(folded, pointer, align=1)

    @op(F32, kind, i64)
    def get(builder: Any, acc: Any, index: Any) -> Any:
        value = builder.extract_value(acc, 0)
        for i in range(1, count):
            same = builder.icmp_signed("==", index, ir.Constant(I64T, i))
            value = builder.select(same, builder.extract_value(acc, i), value)
        return value

    return Block(
        zero, fma_broadcast, dot_broadcast, fma, dot, fold_four, add, fill, load, store, get
    )
