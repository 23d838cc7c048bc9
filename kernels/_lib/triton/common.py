"""What the Triton kernels share: where they run, and small device functions.

``TRITON_INTERPRET=1`` runs them on the CPU, operation by operation in NumPy: for tests, not for
timing.
"""

from __future__ import annotations

import triton
import triton.language as tl

from truetpot.runtime.device import Device

INTERPRETED = bool(triton.knobs.runtime.interpret)
_WIDEN = tl.constexpr(INTERPRETED)
DEVICES = ("cuda", "xpu", "cpu") if INTERPRETED else ("cuda", "xpu")

TL_DTYPE = {"fp32": tl.float32, "fp16": tl.float16, "bf16": tl.bfloat16}


def note(device: Device) -> str:
    """The version of Triton, for ``truetpot providers``."""
    return "by Triton's interpreter, for tests" if INTERPRETED else f"Triton {triton.__version__}"


def power_of_2(count: int) -> int:
    """The smallest power of two that is not smaller: what a block's sizes have to be."""
    return 1 << (count - 1).bit_length()


def units(device: Device) -> int:
    """Multiprocessors or Xe cores: how many programs run side by side at least."""
    return int(device.identity().get("units") or 1)


def local_memory(device: Device) -> int:
    """Bytes a program may have of shared or local memory; the least of any card, if unknown."""
    return int(device.identity().get("local_memory_bytes") or 64 << 10)


@triton.jit
def silu(x):
    """x / (1 + exp(-x))"""
    return x / (1 + tl.exp(-x))


@triton.jit
def rounded(x, to):
    """x float32 as what ``to`` points to, rounded to nearest even."""
    if _WIDEN and to.dtype.element_ty.fp_mantissa_width < 10:
        # the interpreter cuts bf16 off and loses fp8's carry: leave it no bit to round
        cut: tl.constexpr = 23 - to.dtype.element_ty.fp_mantissa_width
        bits = x.to(tl.int32, bitcast=True)
        bits += (1 << (cut - 1)) - 1 + ((bits >> cut) & 1)
        x = ((bits >> cut) << cut).to(tl.float32, bitcast=True)
    return x.to(to.dtype.element_ty)


@triton.jit
def widened(x, to: tl.constexpr):
    """Numbers of a byte as ``to``, of 16 bits or more: exact."""
    if _WIDEN:  # the interpreter knows the way through float32 only
        x = x.to(tl.float32)
    elif x.dtype.is_fp8() and to == tl.bfloat16:
        # four fast instructions for two numbers, where fp16 to bf16 is a slow one each on Hopper
        x = x.to(tl.float16).to(tl.float32)
    return x.to(to)


@triton.jit
def dot(a, b, total):
    """total + a b, accumulated in float32; exact products."""
    if _WIDEN:  # the interpreter would multiply the bits of a bf16
        a, b = a.to(tl.float32), b.to(tl.float32)
    return tl.dot(a, b, total, input_precision="ieee")
