"""A cache of bytes read two at a time, so that the matrix engine's loads can turn it.

The product with V sums over tokens, while neighbours in memory are a token's dimensions. Of 16-bit
numbers ``ldmatrix`` turns a tile on its way to the registers; of bytes it cannot, and Triton loads
each byte alone: 128 loads and 128 moves of 1239 instructions for 128 tokens (SASS, H200). Taken as
16-bit words the same tile is turned in pairs, whose lower bytes are the even dimensions and whose
upper bytes are the odd ones. Each is an operand of its own, with half the columns: as many products
as before, of 757 instructions for e4m3. K is read the same way, so that both share their addresses;
its sum is over dimensions, where any order is right, and pairs are widened as they lie.
"""

from __future__ import annotations

import triton
import triton.language as tl
from truetpot.kernels._lib.triton.common import INTERPRETED, widened

from truetpot.runtime.device import Device


def by_ptx(device: Device) -> bool:
    """Whether the device has the instructions below; others take pairs apart in plain Triton."""
    return device.kind == "cuda" and not INTERPRETED


@triton.jit
def even_odd(pairs, of: tl.constexpr, PTX: tl.constexpr):
    """The lower and the upper number, of the fp8 ``of``, of each int16, both as fp16: exact."""
    if not PTX:
        low = (pairs & 0xFF).to(tl.uint8).to(of, bitcast=True)
        high = ((pairs >> 8) & 0xFF).to(tl.uint8).to(of, bitcast=True)
        even, odd = widened(low, tl.float16), widened(high, tl.float16)
    elif of == tl.float8e5:  # the upper byte of an fp16
        even, odd = tl.inline_asm_elementwise(
            "prmt.b32 $0, $2, 0, 0x2404; and.b32 $1, $2, 0xff00ff00;", "=r,=r,r", [pairs],
            dtype=(tl.float16, tl.float16), is_pure=True, pack=2,
        )  # fmt: skip
    else:
        even, odd = tl.inline_asm_elementwise(
            """{
            .reg .b32 sorted;
            .reg .b16 low, high;
            prmt.b32 sorted, $2, 0, 0x3120;
            mov.b32 {low, high}, sorted;
            cvt.rn.f16x2.e4m3x2 $0, low;
            cvt.rn.f16x2.e4m3x2 $1, high;
            }""", "=r,=r,r", [pairs],
            dtype=(tl.float16, tl.float16), is_pure=True, pack=2,
        )  # fmt: skip
    return even, odd


@triton.jit
def two_by_two(pairs, of: tl.constexpr, PTX: tl.constexpr):
    """int16 [tokens, pairs], two numbers of the fp8 ``of`` each, as two of fp16, as :func:`parted`.

    Neighbours stay together: for a sum over them nothing has to be sorted.
    """
    if not PTX:
        even, odd = even_odd(pairs, of, PTX)
        first, second = parted(joined(even, odd))
    elif of == tl.float8e5:
        first, second = tl.inline_asm_elementwise(
            "prmt.b32 $0, $2, 0, 0x1404; prmt.b32 $1, $2, 0, 0x3424;", "=r,=r,r", [pairs],
            dtype=(tl.float16, tl.float16), is_pure=True, pack=2,
        )  # fmt: skip
    else:
        first, second = tl.inline_asm_elementwise(
            """{
            .reg .b16 low, high;
            mov.b32 {low, high}, $2;
            cvt.rn.f16x2.e4m3x2 $0, low;
            cvt.rn.f16x2.e4m3x2 $1, high;
            }""", "=r,=r,r", [pairs],
            dtype=(tl.float16, tl.float16), is_pure=True, pack=2,
        )  # fmt: skip
    return first, second


@triton.jit
def joined(even, odd):
    """[rows, D] of the even and the odd columns."""
    return tl.join(even, odd).reshape(even.shape[0], 2 * even.shape[1])


@triton.jit
def parted(x):
    """Of every four columns of x [rows, D] the first two, and the other two."""
    x = x.reshape(x.shape[0], x.shape[1] // 4, 2, 2).permute(0, 1, 3, 2)
    first, second = tl.split(x)
    columns: tl.constexpr = x.shape[1] * 2
    return first.reshape(x.shape[0], columns), second.reshape(x.shape[0], columns)
