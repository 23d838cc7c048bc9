"""Vector types for numba, and how an operation on them is emitted as LLVM IR."""

from __future__ import annotations

import inspect
import os
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic, models, register_model

LANES = 16
"""32-bit lanes of a 512-bit vector."""

I16T, I32T, I64T = ir.IntType(16), ir.IntType(32), ir.IntType(64)
F16T, F32T = ir.HalfType(), ir.FloatType()
F32X16T = ir.VectorType(F32T, LANES)
I32X16T = ir.VectorType(I32T, LANES)


class BFloatType(ir.Type):
    """LLVM's ``bfloat``, which llvmlite's builder does not name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloatType)

    def __hash__(self) -> int:
        return hash("bfloat")


BF16X32T = ir.VectorType(BFloatType(), 2 * LANES)


def _host_features() -> set[str]:
    try:
        return {name for name, on in llvm.get_host_cpu_features().items() if on}
    except RuntimeError:  # LLVM cannot tell on this platform: assume nothing
        return set()


def _has(feature: str) -> bool:
    """Whether this process may use an extension of AVX-512."""
    generic = os.environ.get("TRUETPOT_SIMD", "") == "generic"
    return not generic and {"avx512f", "avx512bw", feature} <= _host_features()


HAS_BF16_DOT = _has("avx512bf16")
"""``vdpbf16ps``: products of pairs of bf16."""
HAS_BYTE_DOT = _has("avx512vnni")
"""``vpdpbusd``: products of fours of bytes, unsigned by signed."""


def path_name() -> str:
    """Which path the numba kernels of this process take, for ``truetpot providers``."""
    return "avx512_bf16" if HAS_BF16_DOT else "generic"


class Vector(types.Type):
    """A 512-bit vector value; lives in registers, never in an array."""

    def __init__(self, name: str, llvm_type: ir.Type) -> None:
        self.llvm_type = llvm_type
        super().__init__(name=name)


F32 = Vector("f32x16", F32X16T)
I32 = Vector("i32x16", I32X16T)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Vector) -> None:
        super().__init__(dmm, fe_type, fe_type.llvm_type)  # type: ignore[no-untyped-call]


def pointer_to(builder: Any, address: Any, pointee: ir.Type) -> Any:
    return builder.inttoptr(address, pointee.as_pointer())


def splat_value(builder: Any, scalar: Any, vector: ir.VectorType) -> Any:
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(I32T, 0))
    zeros = ir.Constant(ir.VectorType(I32T, vector.count), [0] * vector.count)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


def constant(vector: ir.VectorType, value: float) -> Any:
    return ir.Constant(vector, [value] * vector.count)


def call_intrinsic(builder: Any, name: str, result: ir.Type, args: list[Any]) -> Any:
    signature = ir.FunctionType(result, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), args)


def widen_bf16(builder: Any, halves: Any) -> Any:
    wide = builder.zext(halves, I32X16T)
    return builder.bitcast(builder.shl(wide, constant(I32X16T, 16)), F32X16T)


def op(result: types.Type, *wanted: types.Type) -> Any:
    """Turn ``emit(builder, *llvm values) -> llvm value`` into an intrinsic of fixed types."""

    def decorate(emit: Any) -> Any:
        def typing(typingctx: Any, *args: Any) -> Any:
            def codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
                cast = (
                    context.cast(builder, value, have, want)
                    for value, have, want in zip(values, sig.args, wanted, strict=True)
                )
                value = emit(builder, *cast)
                return context.get_dummy_value() if result == types.void else value

            return result(*args), codegen

        # numba reads the signature and has no varargs in intrinsics, so give it one by name
        names = inspect.signature(emit).parameters  # "builder" stands for the context
        typing.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        )
        typing.__name__, typing.__doc__ = emit.__name__, emit.__doc__
        function: Any = intrinsic(typing)
        function.emit = emit  # for larger operations made of this one
        return function

    return decorate
