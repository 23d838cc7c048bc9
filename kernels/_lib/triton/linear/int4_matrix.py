"""One row of x times int4 weights by the matrix engine, which multiplies while the others unpack.

With multiply-adds in float32 (:mod:`.int4`) a weight costs 2.5 instructions, and reading
waits for them. Here it costs 0.8: a mask and an exponent make two 16-bit floats of two weights at
once, and a product of 32 rows, 32 deep and 8 wide takes the rest.

One row of x fills one of those 8 columns. So each column has another part of x: a program takes 8
rows of W and 256 columns a step, as 64 rows of 32, column j of x being its elements 32 j to 32 j +
31. Of the 8 sums of such a row one counts; the others are dropped at the end, and cost nothing.

Each warp takes steps of its own, and the words lie as the matrix engine's operand wants them in a
warp's threads (operand A of m16n8k16 in NVIDIA's PTX): no word changes threads, and each load is 16
bytes.

words int32 [groups, steps, 2, 128], a group being 8 rows: word ((g 4 + c) 2 + l) 2 + h of half t
has the weights 32 (4 t + 2 l + h) + 8 c + 0..7 of the step and row g, at the bits :data:`SLOTS`.
scales [groups, steps, 2, 8, 2] fp16, two in an int32: blocks 2 t and 2 t + 1 of the step.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from truetpot.kernels._lib.triton.common import dot
from truetpot.kernels._lib.triton.dependent_launch import begin, end
from truetpot.kernels._lib.triton.linear.int4 import by_halves, in_words, nibbles
from truetpot.kernels._lib.triton.linear.plain import finished

from truetpot.formats import Weight
from truetpot.runtime.torch_device import TorchDevice

GROUP = 8
STEP = tl.constexpr(256)
"""Columns of x that a warp takes at a time."""
HALF = tl.constexpr(128)
"""Columns of a group's words that lie together."""
SLOTS = (3, 19, 7, 23, 11, 27, 15, 31)
"""Lowest bit of each of a word's eight weights; the last one goes round the end of the word."""
MASK = 0x00780078
BITS = {"bf16": (0x41804180, 24.0), "fp16": (0x58005800, 136.0)}
"""The exponent under which bits 3-6 are 16 + q or 128 + q, and what is to be taken off: 8 more."""
K_WIDTH = tl.constexpr(4 if tuple(map(int, triton.__version__.split(".")[:2])) < (3, 8) else 2)
"""Neighbours in K that a thread has in an operand that was joined from parts: Triton's choice. Any
order of K is right, this one leaves every element in its thread."""


def pack(weight: Weight, device: TorchDevice, halves: int = 1) -> tuple[torch.Tensor, ...]:
    """Words and scales; rows are filled up to whole groups in each half, K to whole steps.

    The groups of two halves alternate: what is multiplied with each other lies together.
    """
    return by_halves(weight, halves, lambda half: _pack_rows(half, device), alternate=True)


def _pack_rows(weight: Weight, device: TorchDevice) -> tuple[torch.Tensor, torch.Tensor]:
    n, k = weight.shape
    groups, steps = -(-n // GROUP), -(-k // STEP.value)
    assert weight.scales is not None
    q = torch.zeros((groups * GROUP, steps * STEP.value), dtype=torch.uint8, device=device.torch)
    q[:n, :k] = nibbles(weight, device).view(n, k)
    words = in_words(q.view(-1, 8), SLOTS).view(groups, GROUP, steps, 2, 2, 2, 4)  # .. t, l, h, c
    scales = torch.zeros((groups * GROUP, steps * 4), dtype=torch.float16, device=device.torch)
    scales[:n, : k // 64] = device.upload(weight.scales)
    in_pairs = scales.view(torch.int32).view(groups, GROUP, steps, 2)
    return (
        words.permute(0, 2, 3, 1, 6, 4, 5).contiguous(),
        in_pairs.permute(0, 2, 3, 1).contiguous(),
    )


@triton.jit
def _two_halves(words, ELEMENT: tl.constexpr):
    """[..., 2]: the halves of each word as 16-bit floats."""
    low = (words & 0xFFFF).to(tl.uint16).to(ELEMENT, bitcast=True)
    return tl.join(low, (words >> 16).to(tl.uint16).to(ELEMENT, bitcast=True))


@triton.jit
def eight_numbers(q, mask, exponent, ELEMENT: tl.constexpr):
    """The weights of words q [...] as [..., 2, 2, 2], too large by the offset.

    The last three are a weight's place in its word, the lowest bit first.
    """
    low = tl.join(
        _two_halves((q & mask) | exponent, ELEMENT),
        _two_halves(((q >> 4) & mask) | exponent, ELEMENT),
    )
    high = tl.join(
        _two_halves(((q >> 8) & mask) | exponent, ELEMENT),
        _two_halves((((q >> 12) | (q << 20)) & mask) | exponent, ELEMENT),
    )
    return tl.join(low, high)


@triton.jit
def two_scales(pairs):
    """The fp16 in the lower and in the upper half of each int32."""
    first = (pairs & 0xFFFF).to(tl.int16).to(tl.float16, bitcast=True)
    return first, ((pairs >> 16) & 0xFFFF).to(tl.int16).to(tl.float16, bitcast=True)


@triton.jit
def _operand(words, mask, exponent, ELEMENT: tl.constexpr, WARPS: tl.constexpr):
    """Words [WARPS, 128] of half a step each: numbers [WARPS, 32, 32], too large by the offset."""
    q = words.reshape([WARPS, 8, 4, 2, 2])
    a = eight_numbers(q, mask, exponent, ELEMENT)  # warp, g, c, l, h, then the place in the word
    if K_WIDTH == 4:
        a = a.permute(0, 3, 4, 1, 6, 2, 7, 5)
    else:
        a = a.permute(0, 3, 4, 1, 7, 6, 2, 5)
    return a.reshape([WARPS, 32, 32])


@triton.jit
def _columns(x, WIDTH: tl.constexpr, WARPS: tl.constexpr):
    """x as [WARPS, 32, 8], in the order of K that :func:`_operand` has, or a plain one has."""
    x = x.reshape([WARPS, 8, 4, 2, 2, 2])
    if WIDTH == 4:
        x = x.permute(0, 4, 2, 3, 5, 1)
    else:
        x = x.permute(0, 3, 4, 2, 5, 1)
    return x.reshape([WARPS, 32, 8])


@triton.jit
def _scales(pairs, WARPS: tl.constexpr):
    """Two fp16 of each of eight rows as float32 [WARPS, 32, 1], each for two parts of 32."""
    first, second = two_scales(pairs)
    both = tl.join(first, second).permute(0, 2, 1)[:, :, None, :]
    return tl.broadcast_to(both, (WARPS, 2, 2, 8)).reshape([WARPS, 32, 1]).to(tl.float32)


@triton.jit
def _sums(first, second, WARPS: tl.constexpr):
    """What counts of the two halves' [WARPS, 32, 8], summed: [8 rows]."""
    part, column = tl.arange(0, 4)[:, None, None], tl.arange(0, 8)[None, None, :]
    own = tl.where((part == column)[None], first.reshape([WARPS, 4, 8, 8]), 0.0)
    own += tl.where((part + 4 == column)[None], second.reshape([WARPS, 4, 8, 8]), 0.0)
    return tl.sum(tl.sum(tl.sum(own, 3), 1), 0)


@triton.jit
def gemv(
    x, gamma, words, scales, bias, residual, out, n, eps, groups, mask, exponent, offset,
    K: tl.constexpr, G: tl.constexpr, UNROLL: tl.constexpr, STAGES: tl.constexpr,
    WARPS: tl.constexpr, EVEN: tl.constexpr, WHOLE: tl.constexpr, PAIRED: tl.constexpr,
    BIAS: tl.constexpr, NORM: tl.constexpr, ADD: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """G groups of eight rows, or of each half's if PAIRED, times x [K], the steps by warps in turn.

    EVEN: all warps have as many whole steps. WHOLE: all programs as many of the ``groups``. With
    NORM x is normed on the way: its squares are summed up beside the products. Here that costs a
    microsecond; where multiply-adds keep the threads busy it cost more than the norm's own launch
    (docs/performance/h200.md).

    Mask and exponent are arguments: as constants they would cost an instruction each time.
    """
    STEPS: tl.constexpr = (K + STEP - 1) // STEP
    GROUPS: tl.constexpr = 2 * G if PAIRED else G
    EACH: tl.constexpr = 4 if PAIRED else 2
    first, own = tl.program_id(0) * G, tl.program_id(0) * GROUPS
    at, warp, word, row = (
        tl.arange(0, 256 * WARPS), tl.arange(0, WARPS), tl.arange(0, 128), tl.arange(0, 8)
    )  # fmt: skip
    if WHOLE:
        words += own.to(tl.int64) * (256 * STEPS)
        scales += own.to(tl.int64) * (16 * STEPS)
    mask = mask.to(tl.uint32, bitcast=True)
    exponent = exponent.to(tl.uint32, bitcast=True)
    minus = (tl.zeros((WARPS, 16, 32), tl.float32) - offset).to(x.dtype.element_ty)
    begin(EARLY)
    totals = ()
    for _ in tl.static_range(2 * GROUPS):
        totals += (tl.zeros((WARPS, 32, 8), tl.float32),)
    square = tl.zeros((256 * WARPS,), tl.float32)
    for step in tl.range(0, STEPS, WARPS, num_stages=STAGES, loop_unroll_factor=UNROLL):
        ok = (step * 256 + at < K) | EVEN
        xk = tl.load(x + step * 256 + at, mask=ok, other=0.0)
        if NORM:
            wide = xk.to(tl.float32)
            square += wide * wide
            wide *= tl.load(gamma + step * 256 + at, mask=ok, other=0.0).to(tl.float32)
            xk = wide.to(x.dtype.element_ty)
        columns = _columns(xk, K_WIDTH, WARPS)
        # what the offset adds to every row: sums start at minus that
        start = dot(minus, _columns(xk, 2, WARPS), tl.zeros((WARPS, 16, 8), tl.float32))
        start = tl.broadcast_to(start[:, None], (WARPS, 2, 16, 8)).reshape([WARPS, 32, 8])
        there = ((step + warp < STEPS) | EVEN)[:, None]
        new = ()
        for i in tl.static_range(2 * GROUPS):
            group = i // 2 if WHOLE else tl.minimum(own + i // 2, groups - 1).to(tl.int64)
            tile = group * (2 * STEPS) + i % 2 + ((step + warp) * 2)[:, None]
            q = tl.load(
                words + tile * 128 + word[None, :], mask=there, other=0,
                eviction_policy="evict_first",
            )  # fmt: skip
            a = _operand(q.to(tl.uint32, bitcast=True), mask, exponent, x.dtype.element_ty, WARPS)
            pairs = tl.load(scales + tile * 8 + row[None, :], mask=there, other=0)
            new += (totals[i] + dot(a, columns, start) * _scales(pairs, WARPS),)
        totals = new
    end(EARLY)
    factor = tl.rsqrt(tl.sum(square) / K + eps) if NORM else 1.0
    for g in tl.static_range(G):
        to = (first + g) * 8 + row
        y, inside = _sums(totals[EACH * g], totals[EACH * g + 1], WARPS) * factor, to < n
        up = y
        if PAIRED:
            up = _sums(totals[EACH * g + 2], totals[EACH * g + 3], WARPS) * factor
        y = finished(y, up, bias, residual, to, inside, PAIRED, BIAS, ADD)
        tl.store(out + to, y.to(out.dtype.element_ty), mask=inside)
