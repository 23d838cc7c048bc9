"""Device functions of ``linear`` and ``linear_silu_mul`` with sym_int4 or woq_int4 weights.

The weights are packed for loads of 16 bytes: ``words`` int32 [groups, k/8, 4], ``scales`` fp16
[groups, k/64, 4], a group being four rows of W. A thread's load is then one word of each of four
rows: 32 weights that need only eight elements of x. Word j of a block of 64 holds the weights
8 s + j, s = 0..7, at the bits :data:`SLOTS`, so that after a shift by 0, 8, -8 or a rotation by 16
one of them lies at bits 19-22 and one at bits 15-18: OR-ed with the right exponent those are the
float32 numbers 16 + q and 256 + q. One instruction a weight, and the offsets are taken off once for
all rows of a word (24 and 264 with the 8 of the format).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import triton
import triton.language as tl
from truetpot.kernels._lib.triton.common import dot
from truetpot.kernels._lib.triton.dependent_launch import begin, end
from truetpot.kernels._lib.triton.linear.plain import finished
from truetpot.kernels._lib.triton.linear.tile import first_output, own_range, store, weight_row

from truetpot.formats import Weight, rows
from truetpot.runtime.torch_device import TorchDevice

GROUP = 4
SLOTS = (19, 15, 27, 23, 11, 7, 3, 31)
"""Lowest bit of weight 8 s + j in word j; the last one goes round the end of the word."""
BITS = (0x00780000, 0x00078000, 0x41800000, 0x43800000)
"""Masks of the two places and the exponents of 16 and 256. Arguments, not constants: the compiler
then keeps them in registers, and (q & mask) | exponent is one instruction instead of two."""


def pack(weight: Weight, device: TorchDevice, halves: int = 1) -> tuple[torch.Tensor, ...]:
    """Words and scales; each half of the rows is filled up with rows of zeros to whole groups."""
    return by_halves(weight, halves, lambda half: _pack_rows(half, device))


def _pack_rows(weight: Weight, device: TorchDevice) -> tuple[torch.Tensor, torch.Tensor]:
    n, k = weight.shape
    groups = -(-n // GROUP)
    assert weight.scales is not None
    scales = torch.zeros((groups * GROUP, k // 64), dtype=torch.float16, device=device.torch)
    scales[:n] = device.upload(weight.scales)
    slots = torch.zeros((groups * GROUP, k // 64, 8, 8), dtype=torch.uint8, device=device.torch)
    slots[:n] = nibbles(weight, device).view(n, k // 64, 8, 8)
    words = in_words(slots.transpose(2, 3), SLOTS)
    by_group = words.view(groups, GROUP, k // 8).transpose(1, 2).contiguous()
    return by_group, scales.view(groups, GROUP, k // 64).transpose(1, 2).contiguous()


def by_halves(
    weight: Weight,
    halves: int,
    pack_rows: Callable[[Weight], tuple[torch.Tensor, torch.Tensor]],
    alternate: bool = False,
) -> tuple[torch.Tensor, ...]:
    """Words and scales of equal parts of the rows, each packed by itself.

    One after the other; with ``alternate`` the groups of two halves alternate.
    """
    n = weight.shape[0] // halves
    packed = [pack_rows(rows(weight, h * n, (h + 1) * n)) for h in range(halves)]
    if halves == 1:
        return packed[0]
    together = zip(*packed, strict=True)
    if alternate:
        return tuple(torch.stack(parts, 1).flatten(0, 1) for parts in together)
    return tuple(torch.cat(parts) for parts in together)


def nibbles(weight: Weight, device: TorchDevice) -> torch.Tensor:
    """The codes of n rows in the order of K, a byte each: uint8 [n, k/64, 64]."""
    codes = device.upload(weight.codes).view(weight.shape[0], -1, 32)
    # sym_int4 has weight i + 32 beside weight i in a byte, woq_int4 has its neighbour
    both = torch.stack((codes & 15, codes >> 4), 3 if weight.format == "woq_int4" else 2)
    return both.view(weight.shape[0], -1, 64)


def in_words(codes: torch.Tensor, slots: tuple[int, ...]) -> torch.Tensor:
    """int32 [...] of codes uint8 [..., 8], each with its lowest bit at its slot."""
    words = torch.zeros(codes.shape[:-1], dtype=torch.int32, device=codes.device)
    for slot, at in enumerate(slots):
        q = codes[..., slot].to(torch.int32)
        words |= (q << at) | (q >> (32 - at) if at > 28 else 0)
    return words


@triton.jit
def _offset_floats(q, high, low, e16, e256):
    """The eight weights of words q as floats 16 + q and 256 + q in turn."""
    r, s, t = q >> 8, q << 8, (q << 16) | ((q >> 16) & 0xFFFF)
    return (
        ((q & high) | e16).to(tl.float32, bitcast=True),
        ((q & low) | e256).to(tl.float32, bitcast=True),
        ((r & high) | e16).to(tl.float32, bitcast=True),
        ((r & low) | e256).to(tl.float32, bitcast=True),
        ((s & high) | e16).to(tl.float32, bitcast=True),
        ((s & low) | e256).to(tl.float32, bitcast=True),
        ((t & high) | e16).to(tl.float32, bitcast=True),
        ((t & low) | e256).to(tl.float32, bitcast=True),
    )


@triton.jit
def _exact_floats(q):
    """The eight weights of words q as floats q - 8."""
    r = ((q >> 3) & 0x1FFFFFFF) | (q << 29)
    return (
        (((r >> 16) & 15) - 8).to(tl.float32),
        (((r >> 12) & 15) - 8).to(tl.float32),
        (((r >> 24) & 15) - 8).to(tl.float32),
        (((r >> 20) & 15) - 8).to(tl.float32),
        (((r >> 8) & 15) - 8).to(tl.float32),
        (((r >> 4) & 15) - 8).to(tl.float32),
        ((r & 15) - 8).to(tl.float32),
        (((r >> 28) & 15) - 8).to(tl.float32),
    )


@triton.jit
def gemv(
    x, words, scales, bias, residual, out, n, k, row_words, row_blocks, groups,
    high, low, e16, e256,
    G: tl.constexpr, BW: tl.constexpr, UNROLL: tl.constexpr, EVEN: tl.constexpr,
    EXACT: tl.constexpr, PAIRED: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    """G groups of four rows times x [k]; ``groups`` are those of one half, if PAIRED.

    EXACT spends an instruction more a weight and keeps float32's precision: 256 + q has eight bits
    less for what x multiplies it with.
    """
    first = tl.program_id(0) * G
    column, r = tl.arange(0, BW), tl.arange(0, 4)
    halves: tl.constexpr = 2 if PAIRED else 1
    begin(EARLY)
    sums = ()
    for _ in tl.static_range(G * halves):
        sums += (tl.zeros((BW, 4), tl.float32),)
    for start in tl.range(0, row_words, BW, loop_unroll_factor=UNROLL):
        at = start + column
        ok = (at < row_words) | EVEN
        from_x = x + at // 8 * 64 + at % 8
        xs = ()
        offset = tl.zeros((BW,), tl.float32)
        for i in tl.static_range(8):
            xi = tl.load(from_x + 8 * i, mask=ok, other=0.0).to(tl.float32)
            xs += (xi[:, None],)
            if not EXACT:
                offset -= (24 if i % 2 == 0 else 264) * xi
        new = ()
        for g in tl.static_range(G * halves):
            group = tl.minimum(first + g % G, groups - 1).to(tl.int64) + g // G * groups
            from_words = words + group * row_words * 4 + at[:, None] * 4 + r[None, :]
            q = tl.load(from_words, mask=ok[:, None], other=0, eviction_policy="evict_first")
            from_scales = scales + group * row_blocks * 4 + (at // 8)[:, None] * 4 + r[None, :]
            scale = tl.load(from_scales, mask=ok[:, None], other=0.0).to(tl.float32)
            values = _exact_floats(q) if EXACT else _offset_floats(q, high, low, e16, e256)
            part = offset[:, None]
            for i in tl.static_range(8):
                part += values[i] * xs[i]
            new += (sums[g] + part * scale,)
        sums = new
    end(EARLY)
    for g in tl.static_range(G):
        row = (first + g) * 4 + r
        y, up, inside = tl.sum(sums[g], 0), tl.sum(sums[G * (halves - 1) + g], 0), row < n
        y = finished(y, up, bias, residual, row, inside, PAIRED, BIAS, ADD)
        tl.store(out + row, y.to(out.dtype.element_ty), mask=inside)


@triton.jit
def gemm(
    x, words, scales, bias, residual, out, partial, arrived, m, n, k, row_words, row_blocks, groups,
    BM: tl.constexpr, BN: tl.constexpr, BW: tl.constexpr, STAGES: tl.constexpr,
    SPLIT: tl.constexpr, COMPUTE: tl.constexpr, PAIRED: tl.constexpr, BIAS: tl.constexpr,
    ADD: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """x [m, k] times BN rows; weights are dequantised and rounded to COMPUTE before the product."""
    first = first_output(BN, PAIRED)
    row = weight_row(first, tl.arange(0, BN), n, PAIRED)
    group = (row // n * groups + row % n // 4)[:, None]
    column, i = tl.arange(0, BW), tl.arange(0, BM)
    from_x = x + tl.minimum(i, m - 1)[:, None] * k
    total = tl.zeros((BN, BM), tl.float32)
    low, high = own_range(tl.cdiv(row_words, BW), SPLIT, 1)
    begin(EARLY)
    for block in tl.range(low, high, 1, num_stages=STAGES):
        at = (block * BW + column)[None, :]
        ok = at < row_words
        from_words = words + (group * row_words + at) * 4 + (row % n % 4)[:, None]
        q = tl.load(from_words, mask=ok, other=0)
        from_scales = scales + (group * row_blocks + at // 8) * 4 + (row % n % 4)[:, None]
        scale = tl.load(from_scales, mask=ok, other=0.0).to(tl.float32)
        values = _exact_floats(q)
        for s in tl.static_range(8):
            xs = tl.load(from_x + at // 8 * 64 + at % 8 + 8 * s, mask=ok, other=0.0)
            ws = (values[s] * scale).to(COMPUTE)
            total = dot(ws, xs.to(COMPUTE).trans(1, 0), total)
    end(EARLY)
    store(
        total, bias, residual, out, partial, arrived, first, m, n, BN, BM, PAIRED, BIAS, ADD,
        SPLIT,
    )  # fmt: skip
