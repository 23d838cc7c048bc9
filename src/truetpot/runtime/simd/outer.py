"""Accumulators of several heads over the columns of a row, and rows held in registers."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types

from truetpot.runtime.simd.block import BlockType
from truetpot.runtime.simd.shuffle import interleave_words
from truetpot.runtime.simd.vector import (
    BF16X32T,
    F32T,
    F32X16T,
    I32T,
    I32X16T,
    I64T,
    call_intrinsic,
    op,
    pointer_to,
    splat_value,
)


class Outer(NamedTuple):
    """``heads`` x ``columns`` accumulators: acc[h][c] += p[h] * row[c], row a block of columns."""

    load: Any
    """``(address, stride)``: each head's columns, heads ``stride`` bytes apart"""
    store: Any
    """``(acc, address, stride)``"""
    fma: Any
    """``(acc, row, address, stride)``: p[h] the float32 at address + h stride"""
    dot: Any
    """``(acc, row, address, stride)``: p[h] the pair of bf16 there, row pairs of bf16"""


@cache
def outer(heads: int, columns: int) -> Outer:
    """The operations for every head's columns at once, unrolled."""
    kind, row_kind, i64 = BlockType(heads * columns), BlockType(columns), types.int64

    def head(builder: Any, address: Any, stride: Any, h: int) -> Any:
        return builder.add(address, builder.mul(stride, ir.Constant(I64T, h)))

    def vector(builder: Any, address: Any, c: int) -> Any:
        return pointer_to(builder, builder.add(address, ir.Constant(I64T, 64 * c)), F32X16T)

    @op(kind, i64, i64)
    def load(builder: Any, address: Any, stride: Any) -> Any:
        acc = ir.Constant(kind.llvm_type, ir.Undefined)
        for h in range(heads):
            at = head(builder, address, stride, h)
            for c in range(columns):
                value = builder.load(vector(builder, at, c), align=1)
                acc = builder.insert_value(acc, value, h * columns + c)
        return acc

    @op(types.void, kind, i64, i64)
    def store(builder: Any, acc: Any, address: Any, stride: Any) -> Any:
        for h in range(heads):
            at = head(builder, address, stride, h)
            for c in range(columns):
                value = builder.extract_value(acc, h * columns + c)
                builder.store(value, vector(builder, at, c), align=1)

    def product(builder: Any, acc: Any, row: Any, address: Any, stride: Any, pairs: bool) -> Any:
        scalar, wide = (I32T, I32X16T) if pairs else (F32T, F32X16T)
        for h in range(heads):
            at = pointer_to(builder, head(builder, address, stride, h), scalar)
            p = splat_value(builder, builder.load(at, align=1), wide)
            for c in range(columns):
                i = h * columns + c
                value, old = builder.extract_value(row, c), builder.extract_value(acc, i)
                if pairs:
                    args = [old, *(builder.bitcast(v, BF16X32T) for v in (value, p))]
                    name = "llvm.x86.avx512bf16.dpbf16ps.512"
                else:
                    args, name = [value, p, old], "llvm.fma.v16f32"
                new = call_intrinsic(builder, name, F32X16T, args)
                acc = builder.insert_value(acc, new, i)
        return acc

    @op(kind, kind, row_kind, i64, i64)
    def fma(builder: Any, acc: Any, row: Any, address: Any, stride: Any) -> Any:
        return product(builder, acc, row, address, stride, pairs=False)

    @op(kind, kind, row_kind, i64, i64)
    def dot(builder: Any, acc: Any, row: Any, address: Any, stride: Any) -> Any:
        return product(builder, acc, row, address, stride, pairs=True)

    return Outer(load, store, fma, dot)


@cache
def paired_rows(columns: int) -> Any:
    """``(even, odd) -> block``: two rows of ``16 columns`` bf16, word by word interleaved.

    Vectors 2i and 2i + 1 hold the pairs of words 0..3 and 4..7 of every eight of the i-th 64 bytes
    of each row, as ``vpunpck[lh]wd`` make them; ``unpair_first`` and ``unpair_second`` undo that.
    """
    kind = BlockType(columns)

    @op(kind, types.int64, types.int64)
    def rows(builder: Any, even: Any, odd: Any) -> Any:
        block = ir.Constant(kind.llvm_type, ir.Undefined)
        for i in range(columns // 2):
            offset = ir.Constant(I64T, 64 * i)
            even_words, odd_words = (
                builder.load(pointer_to(builder, builder.add(a, offset), I32X16T), align=1)
                for a in (even, odd)
            )
            for half in range(2):
                pairs = interleave_words(builder, even_words, odd_words, 4 * half)
                pairs = builder.bitcast(pairs, F32X16T)
                block = builder.insert_value(block, pairs, 2 * i + half)
        return block

    return rows


@cache
def widened_row(load: Any, columns: int, lane_bytes: int) -> Any:
    """``(address) -> block``: ``columns`` vectors by one of the loads, ``lane_bytes`` apart."""
    kind = BlockType(columns)

    @op(kind, types.int64)
    def row(builder: Any, address: Any) -> Any:
        block = ir.Constant(kind.llvm_type, ir.Undefined)
        for c in range(columns):
            at = builder.add(address, ir.Constant(I64T, lane_bytes * c))
            block = builder.insert_value(block, load.emit(builder, at), c)
        return block

    return row
