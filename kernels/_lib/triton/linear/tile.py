"""What the products of several rows of x share: their tile of W, and how its sums are stored.

A program has a tile of W's rows and all rows of x. W is the first operand of the product, so that
its rows fill the matrix engine's long side and the few rows of x the short one.

With PAIRED every second eight of a tile's rows is of W's second half, beside the eight of the first
half that it is multiplied with: a thread then has both. Packed weights lie so.

With SPLIT K is cut in so many ranges. A program leaves its sums in memory and counts itself; the
one that finds itself last adds them up, in the order of the ranges: two runs give the same bits.
"""

from __future__ import annotations

import triton
import triton.language as tl
from truetpot.kernels._lib.triton.common import dot, silu

EIGHT = tl.constexpr(8)
"""Rows of W that lie together, in packed weights as well."""


@triton.jit
def first_output(ROWS: tl.constexpr, PAIRED: tl.constexpr):
    """The first output of this program."""
    outputs: tl.constexpr = ROWS // 2 if PAIRED else ROWS
    return tl.program_id(0) * outputs


@triton.jit
def weight_row(first, t, n, PAIRED: tl.constexpr):
    """Row of W [n or 2 n, k] at row t of the tile; the last one again beyond the end."""
    if PAIRED:
        output = tl.minimum(first + t // (2 * EIGHT) * EIGHT + t % EIGHT, n - 1)
        return (output + t // EIGHT % 2 * n).to(tl.int64)
    return tl.minimum(first + t, n - 1).to(tl.int64)


@triton.jit
def weight_group(t, groups, TILE: tl.constexpr):
    """Which eight of the packed rows is t of this program's TILE; the last one beyond the end."""
    return tl.minimum(tl.program_id(0) * TILE + t, groups - 1).to(tl.int64)


@triton.jit
def own_range(blocks, SPLIT: tl.constexpr, AT_ONCE: tl.constexpr):
    """This program's blocks of K: begin and end, ``AT_ONCE`` of which are taken at a time."""
    each = tl.cdiv(tl.cdiv(blocks, SPLIT), AT_ONCE) * AT_ONCE
    begin = tl.minimum(tl.program_id(1) * each, blocks)
    return begin, tl.minimum(begin + each, blocks)


@triton.jit
def add_product(wk, xk, scale_at, total, SCALED: tl.constexpr):
    """total + wk xk, the product times each row's scale of this block first if SCALED."""
    if SCALED:
        part = dot(wk, xk, tl.zeros(total.shape, tl.float32))
        return total + part * tl.load(scale_at)[:, None]
    return dot(wk, xk, total)


@triton.jit
def store(
    y, bias, residual, out, partial, arrived, first, m, n,
    ROWS: tl.constexpr, BM: tl.constexpr, PAIRED: tl.constexpr, BIAS: tl.constexpr,
    ADD: tl.constexpr, SPLIT: tl.constexpr,
):  # fmt: skip
    """Sums y [ROWS, BM] of a tile, with all that is done to them, to out [m, n]."""
    i, t = tl.arange(0, BM), tl.arange(0, ROWS)
    last = True
    if SPLIT > 1:
        tile, size = tl.program_id(0), ROWS * BM
        sums = partial + tile.to(tl.int64) * (SPLIT * size) + i[None, :] * ROWS + t[:, None]
        tl.store(sums + tl.program_id(1) * size, y)
        tl.debug_barrier()  # every thread's stores before the one thread that counts
        last = tl.atomic_add(arrived + tile, 1, sem="acq_rel") == SPLIT - 1
    if last:
        if SPLIT > 1:
            tl.store(arrived + tile, 0)  # for the next launch
            y = tl.zeros((ROWS, BM), tl.float32)
            for part in tl.static_range(SPLIT):
                y += tl.load(sums + part * size)
        _finish(y, bias, residual, out, first, m, n, ROWS, BM, PAIRED, BIAS, ADD)


@triton.jit
def _finish(
    y, bias, residual, out, first, m, n,
    ROWS: tl.constexpr, BM: tl.constexpr, PAIRED: tl.constexpr, BIAS: tl.constexpr,
    ADD: tl.constexpr,
):  # fmt: skip
    outputs: tl.constexpr = ROWS // 2 if PAIRED else ROWS
    i, output = tl.arange(0, BM), first + tl.arange(0, outputs)
    inside = (output < n)[:, None] & (i < m)[None, :]
    if PAIRED:
        halves = y.reshape([ROWS // (2 * EIGHT), 2, EIGHT, BM]).permute(0, 2, 3, 1)
        gate, up = tl.split(halves)
        y = (silu(gate) * up).reshape([outputs, BM])
    if BIAS:
        y += tl.load(bias + output, mask=output < n, other=0.0).to(tl.float32)[:, None]
    at = i[None, :] * n + output[:, None]
    if ADD:
        y += tl.load(residual + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + at, y.to(out.dtype.element_ty), mask=inside)
