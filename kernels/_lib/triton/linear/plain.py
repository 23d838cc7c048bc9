"""Device functions of ``linear`` and ``linear_silu_mul``: one row of x, or up to 64.

One row goes by multiply-adds in float32: a matrix engine would idle on seven eighths of its work,
and what counts is how many bytes are under way. Two rows and more go by ``tl.dot``, and one row of
weights that take long to widen.

With ``PAIRED`` a program computes the same rows of both halves of W and stores silu(gate) * up; n
is then half of W's rows. With ``ADD`` what is stored is added to a residual.

Where a format has a scale for each block of 64, ``gemm`` multiplies the codes, which bf16 and fp16
hold exactly, and scales the product of a block.
"""

from __future__ import annotations

import triton
import triton.language as tl
from truetpot.kernels._lib.triton.common import silu, widened
from truetpot.kernels._lib.triton.dependent_launch import begin, end
from truetpot.kernels._lib.triton.linear.tile import (
    add_product,
    first_output,
    own_range,
    store,
    weight_row,
)


@triton.jit
def finished(
    y, up, bias, residual, at, inside,
    PAIRED: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """Sums of rows ``at`` as they are stored."""
    if BIAS:
        y += tl.load(bias + at, mask=inside, other=0.0).to(tl.float32)
    if PAIRED:
        y = silu(y) * up
    if ADD:
        y += tl.load(residual + at, mask=inside, other=0.0).to(tl.float32)
    return y


@triton.jit
def gemv(
    x, w, bias, residual, out, n, k,
    BN: tl.constexpr, BK: tl.constexpr, UNROLL: tl.constexpr, EVEN: tl.constexpr,
    PAIRED: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """BN rows of W [n, k], in any format that loads as numbers, times x [k]."""
    first = tl.program_id(0) * BN + tl.arange(0, BN)
    row = tl.minimum(first, n - 1).to(tl.int64)
    column = tl.arange(0, BK)
    begin(EARLY)
    gate = tl.zeros((BN, BK), tl.float32)
    up = gate
    for start in tl.range(0, k, BK, loop_unroll_factor=UNROLL):
        at = start + column
        ok = (at < k) | EVEN
        xk = tl.load(x + at, mask=ok, other=0.0).to(tl.float32)[None, :]
        here = w + row[:, None] * k + at[None, :]
        wk = tl.load(here, mask=ok[None, :], other=0.0, eviction_policy="evict_first")
        gate += wk.to(tl.float32) * xk
        if PAIRED:
            there = here + tl.cast(n, tl.int64) * k
            wk = tl.load(there, mask=ok[None, :], other=0.0, eviction_policy="evict_first")
            up += wk.to(tl.float32) * xk
    end(EARLY)
    y, inside = tl.sum(gate, 1), first < n
    y = finished(y, tl.sum(up, 1), bias, residual, first, inside, PAIRED, BIAS, ADD)
    tl.store(out + first, y.to(out.dtype.element_ty), mask=inside)


@triton.jit
def gemv_runs(
    x, w, scales, bias, residual, out, n, k,
    BN: tl.constexpr, BK: tl.constexpr, RUN: tl.constexpr, UNROLL: tl.constexpr,
    SCALED: tl.constexpr, EVEN: tl.constexpr, PAIRED: tl.constexpr, BIAS: tl.constexpr,
    ADD: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """As :func:`gemv`, W in bytes, with scales [n, k / 64] if SCALED; k is then a multiple of 64.

    Threads take runs of RUN elements, which share a scale, of x and of each row alike, so that no
    element of x has to change threads. With 8 a load of W is half as wide as it could be, with 16
    a load of x has gaps.
    """
    first = tl.program_id(0) * BN
    run, element = tl.arange(0, BK // RUN) * RUN, tl.arange(0, RUN)
    halves: tl.constexpr = 2 if PAIRED else 1
    begin(EARLY)
    sums = ()
    for _ in tl.static_range(BN * halves):
        sums += (tl.zeros((BK // RUN,), tl.float32),)
    for start in tl.range(0, k, BK, loop_unroll_factor=UNROLL):
        at = start + run
        column = tl.max_contiguous(at[:, None] + element[None, :], (1, RUN))
        ok = (at if SCALED else column) < k
        if SCALED:
            ok = ok[:, None]
        ok = ok | EVEN
        xk = tl.load(x + column, mask=ok, other=0.0).to(tl.float32)
        new = ()
        for i in tl.static_range(BN * halves):
            row = tl.minimum(first + i % BN, n - 1).to(tl.int64) + i // BN * n
            wk = tl.load(w + row * k + column, mask=ok, other=0.0, eviction_policy="evict_first")
            product = tl.sum(wk.to(tl.float32) * xk, 1)
            if SCALED:
                of_run = scales + row * (k // 64) + at // 64
                product *= tl.load(of_run, mask=(at < k) | EVEN, other=0.0)
            new += (sums[i] + product,)
        sums = new
    end(EARLY)
    for i in tl.static_range(BN):
        row = first + i
        y, up, inside = tl.sum(sums[i], 0), tl.sum(sums[BN * (halves - 1) + i], 0), row < n
        y = finished(y, up, bias, residual, row, inside, PAIRED, BIAS, ADD)
        tl.store(out + row, y.to(out.dtype.element_ty), mask=inside)


@triton.jit
def gemm(
    x, w, scales, bias, residual, out, partial, arrived, m, n, k,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, STAGES: tl.constexpr,
    SPLIT: tl.constexpr, COMPUTE: tl.constexpr, SCALED: tl.constexpr, EVEN: tl.constexpr,
    PAIRED: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """x [m, k], up to BM rows, times BN rows of W [n, k]; both taken to COMPUTE first.

    SCALED, a step is one block of scales [n, k / 64]: BK is 64.
    """
    first = first_output(BN, PAIRED)
    row = weight_row(first, tl.arange(0, BN), n, PAIRED)
    column, i = tl.arange(0, BK), tl.arange(0, BM)
    from_x = x + tl.minimum(i, m - 1)[:, None] * k
    total = tl.zeros((BN, BM), tl.float32)
    low, high = own_range(tl.cdiv(k, BK), SPLIT, 1)
    begin(EARLY)
    for block in tl.range(low, high, 1, num_stages=STAGES):
        at = (block * BK + column)[None, :]
        wk = tl.load(
            w + row[:, None] * k + at, mask=(at < k) | EVEN, other=0.0,
            eviction_policy="evict_first",
        )  # fmt: skip
        xk = tl.load(from_x + at, mask=(at < k) | EVEN, other=0.0).to(COMPUTE).trans(1, 0)
        wk = widened(wk, COMPUTE)
        total = add_product(wk, xk, scales + row * (k // 64) + block, total, SCALED)
    end(EARLY)
    store(
        total, bias, residual, out, partial, arrived, first, m, n, BN, BM, PAIRED, BIAS, ADD,
        SPLIT,
    )  # fmt: skip
