"""Device functions of ``decode_attention`` and ``rope_append_attention``."""

from __future__ import annotations

import triton
import triton.language as tl
from truetpot.kernels._lib.triton.attention.pairs import even_odd, joined, parted, two_by_two
from truetpot.kernels._lib.triton.common import dot, rounded, widened
from truetpot.kernels._lib.triton.dependent_launch import begin

GRANULE = tl.constexpr(16)
"""Tokens that a range is a multiple of: whole tiles would leave some programs twice the work."""


@triton.jit
def _rotated(source, gamma, cos_sin, eps, column, D: tl.constexpr, NORM: tl.constexpr):
    """The heads at ``source`` [rows, 1] as float32 [rows, D], normed first if NORM.

    ``cos_sin`` is the position's row. Each element takes its partner from memory once more, so
    that none has to change threads.
    """
    half: tl.constexpr = D // 2
    partner = (column + half) % D
    own = tl.load(source + column).to(tl.float32)
    other = tl.load(source + partner).to(tl.float32)
    if NORM:
        scale = tl.rsqrt(tl.sum(own * own, 1) / D + eps)[:, None]
        own *= scale * tl.load(gamma + column).to(tl.float32)
        other *= scale * tl.load(gamma + partner).to(tl.float32)
    sin = tl.load(cos_sin + half + column % half)
    return own * tl.load(cos_sin + column % half) + other * tl.where(column < half, -sin, sin)


@triton.jit
def _query(row, sequence, head, kv_heads, GROUP: tl.constexpr, TOKENS: tl.constexpr):
    """Which of q's [batch, TOKENS, heads] a row is: the group's heads of token 0 come first.

    Rows beyond are heads of the last token once more.
    """
    token = tl.minimum(row // GROUP, TOKENS - 1)
    return ((sequence * TOKENS + token) * kv_heads + head) * GROUP + row % GROUP


@triton.jit
def attend(
    q_at, k_at, v_at, table_at, lengths_at, out_at, partial_at, arrived_at, scale,
    kv_heads, splits, table_width, capacity, max_length, cos_sin, q_norm, k_norm, eps,
    GROUP: tl.constexpr, TOKENS: tl.constexpr, ROWS: tl.constexpr, FEW_ROWS: tl.constexpr,
    FEW_TOKENS: tl.constexpr, D: tl.constexpr, PAGE: tl.constexpr, RAGGED: tl.constexpr,
    CHUNK: tl.constexpr, BT: tl.constexpr, STAGES: tl.constexpr,
    COMPUTE: tl.constexpr, PAIRS: tl.constexpr, PTX: tl.constexpr, WIDE: tl.constexpr,
    EARLY: tl.constexpr, ROPE: tl.constexpr, NORM: tl.constexpr,
):  # fmt: skip
    """``scale`` has the factor from e to 2 in it. PAGE is 0 where the cache is contiguous.

    WIDE: an element's place in the cache does not fit 32 bits.

    Products are of COMPUTE: q's dtype, or fp16 for a cache of bytes, which is an instruction away
    from fp8 and holds it exactly. q is then divided by a power of two, lest it be too large.

    The TOKENS queries of a sequence are its last tokens, and each sees those up to itself. A range
    in which a row sees nothing leaves it a sum of 0. A tile that ends beyond the range takes the
    range's last token again, so that no load has a mask and none reads what was never written.

    With ROPE ``q_at`` is qkv: q is rotated here, and K and V of the last tokens go into the cache.

    One long function: the loop carries the running maximum, sums and product from part to part.
    """
    begin(EARLY)
    pair, split = tl.program_id(0), tl.program_id(1)
    sequence, head = pair // kv_heads, pair % kv_heads
    length = max_length  # an argument costs no load: a launch at a short context feels one
    if RAGGED:
        length = tl.load(lengths_at + sequence)
    each = tl.cdiv(tl.cdiv(length, splits), GRANULE) * GRANULE
    first = split * each
    last = tl.minimum(first + each, length)
    row, column, token = tl.arange(0, ROWS), tl.arange(0, D), tl.arange(0, BT)
    live: tl.constexpr = GROUP * TOKENS
    inside = row < live
    here = _query(row, sequence, head, kv_heads, GROUP, TOKENS)[:, None] * D + column[None, :]
    # a number for all rows where they are of one token: then it costs nothing
    token_of = tl.minimum(row // GROUP, TOKENS - 1)[:, None] if TOKENS > 1 else 0
    tail = length - TOKENS
    seen = tl.minimum(last, tail + 1 + token_of)
    table = table_at + sequence * table_width
    if ROPE:
        width = tl.cast(kv_heads * (GROUP + 2), tl.int64) * D  # an argument of 1 is no tensor
        source = q_at + (sequence * TOKENS + token_of) * width
        heads = (head * GROUP + row % GROUP)[:, None] * D
        angles = cos_sin + (tail + token_of) * D
        q = _rotated(source + heads, q_norm, angles, eps, column[None, :], D, NORM)
        q = q.to(q_at.dtype.element_ty)
        if (first < length) & (last > tail):
            one = tl.minimum(tl.arange(0, FEW_TOKENS), TOKENS - 1)[:, None]
            place = tail + one
            own = (place >= first) & (place < last)  # else another program's
            k_from = q_at + (sequence * TOKENS + one) * width + (kv_heads * GROUP + head) * D
            new = pair.to(tl.int64) * capacity + place
            if PAGE:
                page = tl.load(table + place // PAGE).to(tl.int64)
                new = (page * kv_heads + head) * PAGE + place % PAGE
            to = new * D + column[None, :]
            k_new = _rotated(k_from, k_norm, cos_sin + place * D, eps, column[None, :], D, NORM)
            v_new = tl.load(k_from + kv_heads * D + column[None, :]).to(tl.float32)
            tl.store(k_at + to, rounded(k_new, k_at), mask=own)
            tl.store(v_at + to, rounded(v_new, v_at), mask=own)
            tl.debug_barrier()  # before any thread reads it
    else:
        q = tl.load(q_at + here, mask=inside[:, None], other=0.0)
    if q.dtype != COMPUTE:
        wide = q.to(tl.float32)
        largest = tl.maximum(tl.max(tl.abs(wide), 1), 1e-30)
        power = (largest.to(tl.int32, bitcast=True) & 0x7F800000).to(tl.float32, bitcast=True)
        q = (wide / power[:, None]).to(COMPUTE)
        factor = scale * power
        each_factor = factor[:, None]
    else:
        factor = scale
        each_factor = scale
    top = tl.full((ROWS,), -1e30, tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    if PAIRS:
        column_pair = tl.arange(0, D // 2)
        k_pairs = k_at.to(tl.pointer_type(tl.int16))
        v_pairs = v_at.to(tl.pointer_type(tl.int16))
        q_first, q_second = parted(q)
        acc_even = tl.zeros((ROWS, D // 2), tl.float32)
        acc_odd = tl.zeros((ROWS, D // 2), tl.float32)
    else:
        acc = tl.zeros((ROWS, D), tl.float32)
    slot_type: tl.constexpr = tl.int64 if WIDE else tl.int32
    block = tl.zeros((BT,), tl.int32)
    if PAGE:
        block = tl.load(table + tl.minimum(first + token, last - 1) // PAGE)
    for start in tl.range(first, last, BT, num_stages=STAGES):
        at = tl.minimum(start + token, last - 1)
        if PAGE:
            slot = (block.to(slot_type) * kv_heads + head) * PAGE + at % PAGE
            # where the next tile is: known before its loads are due
            block = tl.load(table + tl.minimum(start + BT + token, last - 1) // PAGE)
        else:
            slot = pair.to(slot_type) * capacity + at
        s = tl.zeros((ROWS, BT), tl.float32)
        if PAIRS:
            rows = slot[:, None] * (D // 2) + column_pair[None, :]
            k_first, k_second = two_by_two(tl.load(k_pairs + rows), k_at.dtype.element_ty, PTX)
            s = dot(q_second, tl.trans(k_second), dot(q_first, tl.trans(k_first), s))
        else:
            rows = slot[:, None] * D + column[None, :]
            s = dot(q, tl.trans(widened(tl.load(k_at + rows), COMPUTE)), s)
        # compiled for Battlemage a branch spills twice as much as masks in every tile
        if not PTX or start + BT > tl.minimum(last, tail + 1):
            s = tl.where((start + token)[None, :] < seen, s, float("-inf"))
        new = tl.maximum(top, tl.max(s, 1) * factor)
        p = tl.exp2(s * each_factor - new[:, None])
        fade = tl.exp2(top - new)
        total = total * fade + tl.sum(p, 1)
        if PAIRS:
            even, odd = even_odd(tl.load(v_pairs + rows), v_at.dtype.element_ty, PTX)
            acc_even = dot(p.to(COMPUTE), even, acc_even * fade[:, None])
            acc_odd = dot(p.to(COMPUTE), odd, acc_odd * fade[:, None])
        else:
            v = widened(tl.load(v_at + rows), COMPUTE)
            acc = dot(p.to(COMPUTE), v, acc * fade[:, None])
        top = new
    if PAIRS:
        acc = joined(acc_even, acc_odd)
    if splits == 1:
        y = (acc / total[:, None]).to(out_at.dtype.element_ty)
        tl.store(out_at + here, y, mask=inside[:, None])
    else:
        state = partial_at + ((pair * splits + split) * live + row) * (D + 2)
        tl.store(state[:, None] + column[None, :], acc, mask=inside[:, None])
        tl.store(state + D, top, mask=inside)
        tl.store(state + D + 1, total, mask=inside)
        tl.debug_barrier()  # every thread's stores before the one thread that counts
        if tl.atomic_add(arrived_at + pair, 1, sem="acq_rel") == splits - 1:
            tl.store(arrived_at + pair, 0)  # for the next launch
            few = tl.arange(0, FEW_ROWS)
            to = _query(few, sequence, head, kv_heads, GROUP, TOKENS)
            _combine(out_at, to, partial_at, few, pair, splits, live, D, CHUNK)


@triton.jit
def _combine(
    out_at, to, partial_at, row, pair, splits,
    LIVE: tl.constexpr, D: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """One pair's ranges, weighted by their maxima; all rows at once, so that loads overlap.

    ``row`` are the rows, of which LIVE count, ``to`` their places in ``out_at``. CHUNK ranges are
    loaded at a time, and what has been summed up fades as a later one's maximum is larger.
    """
    column = tl.arange(0, D)
    inside = row < LIVE
    top = tl.full((row.shape[0],), -1e30, tl.float32)
    total = tl.zeros((row.shape[0],), tl.float32)
    y = tl.zeros((row.shape[0], D), tl.float32)
    for start in range(0, splits, CHUNK):
        c = start + tl.arange(0, CHUNK)
        there = inside[:, None] & (c < splits)[None, :]
        state = partial_at + ((pair * splits + c)[None, :] * LIVE + row[:, None]) * (D + 2)
        part = tl.load(state[:, :, None] + column[None, None, :], mask=there[:, :, None], other=0.0)
        tops = tl.load(state + D, mask=there, other=-1e30)
        totals = tl.load(state + D + 1, mask=there, other=0.0)
        new = tl.maximum(top, tl.max(tops, 1))
        fade, weight = tl.exp2(top - new), tl.exp2(tops - new[:, None])
        total = total * fade + tl.sum(totals * weight, 1)
        y = y * fade[:, None] + tl.sum(part * weight[:, :, None], 1)
        top = new
    out = out_at + to[:, None] * D + column[None, :]
    y = y / total[:, None]
    tl.store(out, y.to(out_at.dtype.element_ty), mask=inside[:, None])
