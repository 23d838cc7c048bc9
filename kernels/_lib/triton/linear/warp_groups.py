"""Up to 64 rows of x times weights of four or eight bits, by warp groups of the matrix engine.

On Hopper a group of four warps multiplies 64 rows of W, in its registers, with x in shared memory.
A thread loads 16 bytes of W that are already the elements it needs there: any order of K is right,
so x is put into the weights' order, and no weight changes threads. For int4 it is loaded into
shared memory in that order, two elements at a time; for weights of a byte that is a parameter.

int4 words are those of :mod:`.int4_matrix`. Weights of a byte lie as the format has them, [n, k].
"""

from __future__ import annotations

import triton
import triton.language as tl
from truetpot.kernels._lib.triton.common import dot, widened
from truetpot.kernels._lib.triton.dependent_launch import begin, end
from truetpot.kernels._lib.triton.linear.int4_matrix import eight_numbers, two_scales
from truetpot.kernels._lib.triton.linear.tile import (
    add_product,
    first_output,
    own_range,
    store,
    weight_group,
    weight_row,
)

LEAST_COLUMNS = 16
"""The fewest rows of x that a tile has, filled up: fewer go by another instruction."""


@triton.jit
def _operand(q, mask, exponent, ELEMENT: tl.constexpr, ROWS: tl.constexpr):
    """Words [warp, tile, 2, 8, 4, 2] of 64 columns: numbers [ROWS, 64], too large by the offset."""
    # warp, tile, eight, row, c, h, then the place in the word
    a = eight_numbers(q, mask, exponent, ELEMENT)
    return a.permute(1, 0, 2, 3, 5, 8, 7, 4, 6).reshape([ROWS, 64])


@triton.jit
def _in_words_order(j):
    """Which column of 64 is the j-th: by part of 32, pair of pairs, pair, thread, one of a pair."""
    return j // 32 * 32 + j // 2 % 4 * 8 + j // 16 % 2 * 4 + j // 8 % 2 * 2 + j % 2


@triton.jit
def _start(minus, x, Q: tl.constexpr, ROWS: tl.constexpr, BM: tl.constexpr):
    """What sums start at: minus the offset times the sum of x, for [ROWS, BM]."""
    each: tl.constexpr = ROWS // Q
    start = dot(minus, x, tl.zeros((each, BM), tl.float32))
    return tl.broadcast_to(start[None], (Q, each, BM)).reshape([ROWS, BM])


@triton.jit
def gemm_int4(
    x, words, scales, bias, residual, out, partial, arrived, m, n, k, steps, groups,
    mask, exponent, offset,
    BM: tl.constexpr, Q: tl.constexpr, W: tl.constexpr, STAGES: tl.constexpr, SPLIT: tl.constexpr,
    EVEN: tl.constexpr, PAIRED: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr,
    EARLY: tl.constexpr,
):  # fmt: skip
    """x [m, k] times Q tiles of 16 rows of each of W warps, 128 columns at a time."""
    ELEMENT: tl.constexpr = x.dtype.element_ty
    ROWS: tl.constexpr = 16 * W * Q
    first = first_output(ROWS, PAIRED)
    mask = mask.to(tl.uint32, bitcast=True)
    exponent = exponent.to(tl.uint32, bitcast=True)
    warp, eight = tl.arange(0, W)[:, None], tl.arange(0, 2 * Q)[None, :]
    of_tile = (eight // 2 * W + warp) * 2 + eight % 2
    group = weight_group(of_tile, groups, 2 * W * Q) * (2 * steps)
    in_order = weight_group(tl.arange(0, 2 * W * Q), groups, 2 * W * Q) * (2 * steps)
    word, row, i = tl.arange(0, 128), tl.arange(0, 8), tl.arange(0, BM)
    column = _in_words_order(tl.arange(0, 64))
    # not [columns, BM]: of one shape with the sums' store, the loads would take over its layout
    from_x = x + tl.minimum(i, m - 1)[:, None] * k + column[None, :]
    minus = (tl.zeros((16 * W, 64), tl.float32) - offset).to(ELEMENT)
    total = tl.zeros((ROWS, BM), tl.float32)
    low, high = own_range(tl.cdiv(k, 128), SPLIT, 1)
    begin(EARLY)
    for half in tl.range(low, high, 1, num_stages=STAGES):
        q = tl.load(
            words + ((group + half) * 128)[:, :, None] + word[None, None, :],
            eviction_policy="evict_first",
        )
        pairs = tl.load(scales + ((in_order + half) * 8)[:, None] + row[None, :])
        pairs = pairs.reshape([ROWS, 1])
        s0, s1 = two_scales(pairs)
        at = (half * 128 + column)[None, :]
        x0 = tl.load(from_x + half * 128, mask=(at < k) | EVEN, other=0.0).trans(1, 0)
        x1 = tl.load(from_x + half * 128 + 64, mask=(at + 64 < k) | EVEN, other=0.0).trans(1, 0)
        q = q.to(tl.uint32, bitcast=True).reshape([W, Q, 2, 8, 4, 2, 2])
        q0, q1 = tl.split(q.permute(0, 1, 2, 3, 4, 6, 5))
        a = _operand(q0, mask, exponent, ELEMENT, ROWS)
        total += dot(a, x0, _start(minus, x0, Q, ROWS, BM)) * s0.to(tl.float32)
        a = _operand(q1, mask, exponent, ELEMENT, ROWS)
        total += dot(a, x1, _start(minus, x1, Q, ROWS, BM)) * s1.to(tl.float32)
    end(EARLY)
    store(
        total, bias, residual, out, partial, arrived, first, m, n, ROWS, BM, PAIRED, BIAS, ADD,
        SPLIT,
    )  # fmt: skip


@triton.jit
def _in_bytes_order(j):
    """Which column is the j-th: by 64, pair of pairs, pair, thread, one of a pair.

    A thread of the weights has sixteen in a row.
    """
    return j // 64 * 64 + j // 2 % 4 * 16 + j // 16 % 4 * 4 + j // 8 % 2 * 2 + j % 2


@triton.jit
def _load_bytes(at, left, EVEN: tl.constexpr):
    """Weights at ``at``, as far as there are any left."""
    return tl.load(at, mask=(left > 0) | EVEN, other=0.0, eviction_policy="evict_first")


@triton.jit
def gemm_byte(
    x, w, scales, bias, residual, out, partial, arrived, m, n, k,
    BM: tl.constexpr, Q: tl.constexpr, W: tl.constexpr, DEEP: tl.constexpr, DIRECT: tl.constexpr,
    STAGES: tl.constexpr, SPLIT: tl.constexpr, SCALED: tl.constexpr, EVEN: tl.constexpr,
    PAIRED: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """As :func:`gemm_int4`, W [n, k] of a byte each, DEEP times 64 columns at a time.

    DEEP is 1 or 2; 1 if SCALED, with scales [n, k / 64]. DIRECT: x comes in the weights' order, in
    loads of 4 bytes; else in loads of 16, and is put into that order on its way to the product.
    """
    ELEMENT: tl.constexpr = x.dtype.element_ty
    ROWS: tl.constexpr = 16 * W * Q
    first = first_output(ROWS, PAIRED)
    warp, eight = tl.arange(0, W)[:, None, None], tl.arange(0, 2 * Q)[None, :, None]
    COLUMNS: tl.constexpr = DEEP * 64
    element, i, column = tl.arange(0, 512)[None, None, :], tl.arange(0, BM), tl.arange(0, COLUMNS)
    of_tile = (eight // 2 * W + warp) * 16 + eight % 2 * 8 + element // 64
    here = w + weight_row(first, of_tile, n, PAIRED) * k + element % 64
    in_order = weight_row(first, tl.arange(0, ROWS), n, PAIRED) * (k // 64)
    if DIRECT:
        column = _in_bytes_order(column)
    # not [columns, BM], as in gemm_int4
    from_x = x + tl.minimum(i, m - 1)[:, None] * k + column[None, :]
    total = tl.zeros((ROWS, BM), tl.float32)
    low, high = own_range(tl.cdiv(k, COLUMNS), SPLIT, 1)
    begin(EARLY)
    for block in tl.range(low, high, 1, num_stages=STAGES):
        start = block * COLUMNS
        inside = (start + column < k)[None, :] | EVEN
        xk = tl.load(from_x + start, mask=inside, other=0.0)
        if not DIRECT:
            xk = xk.reshape([BM, DEEP, 4, 4, 2, 2]).permute(0, 1, 3, 4, 2, 5)
            xk = xk.reshape([BM, COLUMNS])
        left = k - start - element % 64
        wk = _load_bytes(here + start, left, EVEN)
        if DEEP > 1:
            wk = tl.join(wk, _load_bytes(here + start + 64, left - 64, EVEN))
        wk = widened(wk, ELEMENT).reshape([W, Q, 2, 8, 4, 4, 2, 2, DEEP])
        wk = wk.permute(1, 0, 2, 3, 8, 5, 6, 4, 7).reshape([ROWS, COLUMNS])
        total = add_product(wk, xk.trans(1, 0), scales + in_order + block, total, SCALED)
    end(EARLY)
    store(
        total, bias, residual, out, partial, arrived, first, m, n, ROWS, BM, PAIRED, BIAS, ADD,
        SPLIT,
    )  # fmt: skip
