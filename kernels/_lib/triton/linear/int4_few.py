"""Up to sixteen rows of x times int4 weights, each warp by itself and nothing in shared memory.

The words are those of :mod:`.int4_matrix`, packed once for every number of rows: what one row of x
needs eight columns of the matrix engine for, eight rows of x have one each. So eight rows cost as
many matrix instructions as one does.

x is loaded as the second operand has it in a warp's threads, 16 bytes a thread, from the L1 or L2:
a block of 32 columns of eight rows. A program of few rows of W reads more of x than of W; where
that counts, ``R`` is larger.

A program's warps are ``WK`` times ``WR``: WK have a part of K each, WR have other rows of W.
"""

from __future__ import annotations

import triton
import triton.language as tl
from truetpot.kernels._lib.triton.common import dot
from truetpot.kernels._lib.triton.dependent_launch import begin, end
from truetpot.kernels._lib.triton.linear.int4_matrix import (
    HALF,
    K_WIDTH,
    STEP,
    eight_numbers,
    two_scales,
)
from truetpot.kernels._lib.triton.linear.tile import first_output, own_range, store, weight_group


@triton.jit
def _operand(q, mask, exponent, ELEMENT: tl.constexpr, B: tl.constexpr, R: tl.constexpr):
    """Words [B, R, 8, 4, 2] of 64 columns: numbers [B, 8 R, 64], too large by the offset."""
    # warp, group, row, c, h, then the place in the word
    a = eight_numbers(q, mask, exponent, ELEMENT)
    if K_WIDTH == 4:
        a = a.permute(0, 1, 2, 4, 6, 3, 7, 5)
    else:
        a = a.permute(0, 1, 2, 4, 7, 6, 3, 5)
    return a.reshape([B, R * 8, 64])


@triton.jit
def _columns(x, WIDTH: tl.constexpr, B: tl.constexpr, T: tl.constexpr):
    """x [B, 2 T, 256] as [B, 64, 8 T], in the order of K of :func:`_operand` or a plain one."""
    x = x.reshape([B, T, 2, 8, 4, 2, 2, 2])
    if WIDTH == 4:
        x = x.permute(0, 2, 6, 4, 5, 7, 1, 3)
    else:
        x = x.permute(0, 2, 5, 6, 4, 7, 1, 3)
    return x.reshape([B, 64, T * 8])


@triton.jit
def _spread(scales, B: tl.constexpr, R: tl.constexpr, T: tl.constexpr):
    """Scales [B, R, 32], four threads of a row alike, for sums [B, 8 R, 8 T]."""
    scales = scales.reshape([B, R, 8, 1, 4, 1])
    return tl.broadcast_to(scales, (B, R, 8, T, 4, 2)).reshape([B, R * 8, T * 8])


@triton.jit
def _from_offset(minus, x, B: tl.constexpr, R: tl.constexpr, T: tl.constexpr):
    """What sums start at: minus the offset times the sum of x, for [B, 8 R, 8 T]."""
    start = dot(minus, _columns(x, 2, B, T), tl.zeros((B, 16, T * 8), tl.float32))
    start = tl.broadcast_to(start[:, None], (B, R // 2, 16, T * 8))
    return start.reshape([B, R * 8, T * 8])


@triton.jit
def gemm(
    x, words, scales, bias, residual, out, partial, arrived, m, n, groups, mask, exponent, offset,
    K: tl.constexpr, BM: tl.constexpr, R: tl.constexpr, WK: tl.constexpr, WR: tl.constexpr,
    SPLIT: tl.constexpr, EVEN: tl.constexpr, WHOLE: tl.constexpr, FULL: tl.constexpr,
    PAIRED: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """x [m, K] times R groups of eight rows a warp, R even; BM is m or more, a multiple of 8.

    EVEN: all warps have as many whole blocks of K. WHOLE: all programs as many rows of W. FULL: m
    is BM. With K a constant and nothing beyond an end, what a thread adds to the address of its
    loads is part of the instruction: it was a fifth of the loop. Mask and exponent are arguments:
    as constants they would cost an instruction each time.
    """
    B: tl.constexpr = WK * WR
    T: tl.constexpr = BM // 8
    ELEMENT: tl.constexpr = x.dtype.element_ty
    ROWS: tl.constexpr = 8 * R * WR
    HALVES: tl.constexpr = 2 * ((K + STEP - 1) // STEP)
    first = first_output(ROWS, PAIRED)
    mask = mask.to(tl.uint32, bitcast=True)
    exponent = exponent.to(tl.uint32, bitcast=True)
    warp, word, lane = tl.arange(0, B), tl.arange(0, 128), tl.arange(0, 32)
    of_tile = (warp // WK)[:, None] * R + tl.arange(0, R)[None, :]
    if WHOLE:
        before = tl.program_id(0).to(tl.int64) * (R * WR * HALVES)
        words += before * 128
        scales += before * 8
    group = of_tile.to(tl.int64) if WHOLE else weight_group(of_tile, groups, R * WR)
    half = group * HALVES + (warp % WK)[:, None]
    words += (half * 128)[:, :, None] + word[None, None, :]
    # the threads' order of the dimensions: a load in another one is exchanged after it
    scales += (half * 8)[None, :, :] + (lane // 4)[:, None, None]
    part, element = tl.arange(0, 2 * T)[:, None], tl.arange(0, 256)[None, :]
    row = part // 2 * 8 + element // 32
    if not FULL:
        row = tl.minimum(row, m - 1)
    column = (warp % WK * 128)[:, None, None] + (part % 2 * 32 + element % 32)[None]
    x += row[None].to(tl.int64) * K + column
    minus = (tl.zeros((B, 16, 64), tl.float32) - offset).to(ELEMENT)
    total = tl.zeros((B, R * 8, BM), tl.float32)
    low, high = own_range((K + HALF - 1) // HALF, SPLIT, WK)
    begin(EARLY)
    for start in tl.range(low, high, WK, num_stages=1):
        there = (start + warp % WK < high) | EVEN
        q = tl.load(
            words + start * 128, mask=there[:, None, None], other=0, eviction_policy="evict_first"
        )
        pairs = tl.load(scales + start * 8, mask=there[None, :, None], other=0).permute(1, 2, 0)
        at = start * 128 + column
        within = there[:, None, None]
        x0 = tl.load(x + start * 128, mask=(within & (at < K)) | EVEN, other=0.0)
        x1 = tl.load(x + start * 128 + 64, mask=(within & (at + 64 < K)) | EVEN, other=0.0)
        q = q.to(tl.uint32, bitcast=True).reshape([B, R, 8, 4, 2, 2]).permute(0, 1, 2, 3, 5, 4)
        q0, q1 = tl.split(q)
        s0, s1 = two_scales(pairs)
        a = _operand(q0, mask, exponent, ELEMENT, B, R)
        sums = dot(a, _columns(x0, K_WIDTH, B, T), _from_offset(minus, x0, B, R, T))
        total += sums * _spread(s0.to(tl.float32), B, R, T)
        a = _operand(q1, mask, exponent, ELEMENT, B, R)
        sums = dot(a, _columns(x1, K_WIDTH, B, T), _from_offset(minus, x1, B, R, T))
        total += sums * _spread(s1.to(tl.float32), B, R, T)
    end(EARLY)
    y = tl.sum(total.reshape([WR, WK, R * 8, BM]), 1).reshape([ROWS, BM])
    store(y, bias, residual, out, partial, arrived, first, m, n, ROWS, BM, PAIRED, BIAS, ADD, SPLIT)
