"""The hot loops over gaps: plain functions on float64 spans, each of one pass, without the GIL.

A span is a run ``values[starts[i]:stops[i]]``; the spans of one call are one thread's share.

Sums are compensated: every addition's rounding error is found exactly (two-sum: Knuth, TAOCP
volume 2, section 4.2.2, theorem B) and summed beside. A sum comes as two floats, ``high + low``,
wrong by less than 1e-20 of the sum of magnitudes. For values of one sign it rounds to what fsum
gives, unless the exact sum lies that close to halfway between two floats. Consecutive values go to
different accumulators, so the compiler makes vector code of it.
"""

from __future__ import annotations

import numpy as np

from truetpot.jit import njit

# Of consecutive values each has its own accumulator; a block's worth of them stays in the L1 cache.
_LANES = 64
_FEW_LANES = 32  # of a request's gaps, whose accumulators are folded again and again
_BLOCK = 1024


@njit(nogil=True, cache=True)
def _two_sum(a, b):  # type: ignore[no-untyped-def]
    """The sum and its rounding error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@njit(nogil=True, cache=True)
def _add(block, sums, errors):  # type: ignore[no-untyped-def]
    """Each value of a block to an accumulator of its own."""
    for k in range(block.size):
        sums[k], error = _two_sum(sums[k], block[k])
        errors[k] += error


@njit(nogil=True, cache=True)
def _fold(sums, errors):  # type: ignore[no-untyped-def]
    """All accumulators to one sum, as (high, low)."""
    high = low = 0.0
    for k in range(sums.size):
        high, error = _two_sum(high, sums[k])
        low += error + errors[k]
    return high, (low if np.isfinite(high) else 0.0)


@njit(nogil=True, cache=True)
def scan(values, starts, stops):  # type: ignore[no-untyped-def]
    """How many are numbers; their sum's high and low part, least and greatest. NaN is left out."""
    count = 0
    sums, errors, number = np.zeros(_LANES), np.zeros(_LANES), np.empty(_LANES)
    low, high = np.full(_LANES, np.inf), np.full(_LANES, -np.inf)
    for i in range(starts.size):
        span = values[starts[i] : stops[i]]
        for at in range(0, span.size, _LANES):
            block = span[at : at + _LANES]
            for k in range(block.size):
                known = block[k] == block[k]
                count += known
                number[k] = block[k] if known else 0.0
                low[k] = block[k] if block[k] < low[k] else low[k]  # noqa: FURB136 NaN loses
                high[k] = block[k] if block[k] > high[k] else high[k]  # noqa: FURB136
            _add(number[: block.size], sums, errors)
    total, error = _fold(sums, errors)
    return count, total, error, low.min(), high.max()


@njit(nogil=True, cache=True)
def moments(values, starts, stops, mean, low, high):  # type: ignore[no-untyped-def]
    """Sums of ``(value - mean)**2`` and of the values strictly between `low` and `high`.

    Returns (sum of squares, its low part, count up to `low`, count between, sum between, its low
    part). NaN is left out.
    """
    up_to = between = 0
    squares, square_errors = np.zeros(_LANES), np.zeros(_LANES)
    sums, errors = np.zeros(_LANES), np.zeros(_LANES)
    square, inner = np.empty(_LANES), np.empty(_LANES)
    for i in range(starts.size):
        span = values[starts[i] : stops[i]]
        for at in range(0, span.size, _LANES):
            block = span[at : at + _LANES]
            for k in range(block.size):
                off = block[k] - mean
                square[k] = off * off if block[k] == block[k] else 0.0
                inside = (block[k] > low) & (block[k] < high)
                inner[k] = block[k] if inside else 0.0
                up_to += block[k] <= low
                between += inside
            _add(square[: block.size], squares, square_errors)
            _add(inner[: block.size], sums, errors)
    return (*_fold(squares, square_errors), up_to, between, *_fold(sums, errors))


@njit(nogil=True, cache=True)
def _at_least(block, edge):  # type: ignore[no-untyped-def]
    count = 0
    for k in range(block.size):
        count += block[k] >= edge
    return count


@njit(nogil=True, cache=True)
def _flip(block, edge, wanted):  # type: ignore[no-untyped-def]
    """``wanted`` negated where the value reaches the edge; counts them too."""
    count = 0
    for k in range(block.size):
        reached = block[k] >= edge
        wanted[k] ^= reached
        count += reached
    return count


@njit(nogil=True, cache=True)
def _pack(block, wanted, packed):  # type: ignore[no-untyped-def]
    """The wanted values to the front of `packed`, without a branch to mispredict."""
    n = 0
    for k in range(block.size):
        packed[n] = block[k]
        n += wanted[k]
    return n


@njit(nogil=True, cache=True)
def sift(values, starts, stops, edges, flips):  # type: ignore[no-untyped-def]
    """Values at or above each of the ascending edges, counted; and those of some zones, collected.

    Zone m lies from edge m (included) to the next (excluded). A collected zone begins at an edge
    with ``flips`` set and ends at the next such edge, or never. NaN is at or above no edge.
    """
    counts = np.zeros(edges.size, np.int64)
    wanted, packed = np.empty(_BLOCK, np.uint8), np.empty(_BLOCK + 1)
    size = 0
    for i in range(starts.size):
        size += stops[i] - starts[i]
    found, n = np.empty(size), 0  # of it only what is written takes memory
    for i in range(starts.size):
        span = values[starts[i] : stops[i]]
        for at in range(0, span.size, _BLOCK):
            block = span[at : at + _BLOCK]
            wanted[:] = 0
            for m in range(edges.size):
                if flips[m]:
                    counts[m] += _flip(block, edges[m], wanted)
                else:
                    counts[m] += _at_least(block, edges[m])
            more = _pack(block, wanted, packed)
            found[n : n + more] = packed[:more]
            n += more
    return counts, found[:n].copy()


@njit(nogil=True, cache=True)
def request_sums(values, offsets, sums):  # type: ignore[no-untyped-def]
    """The sum of each request's gaps: NaN where one of them is, 0 where there are none."""
    lanes, errors = np.empty(_FEW_LANES), np.empty(_FEW_LANES)
    for i in range(sums.size):
        lanes[:] = 0.0
        errors[:] = 0.0
        gaps = values[offsets[i] : offsets[i + 1]]
        at = 0
        while at + _FEW_LANES <= gaps.size:  # as `_add`, in 0.7 of its time
            for k in range(_FEW_LANES):
                lanes[k], error = _two_sum(lanes[k], gaps[at + k])
                errors[k] += error
            at += _FEW_LANES
        _add(gaps[at:], lanes, errors)
        high, low = _fold(lanes, errors)
        sums[i] = high + low


@njit(nogil=True, cache=True)
def request_excess(values, offsets, cut, excess):  # type: ignore[no-untyped-def]
    """Of each request's gaps: how many are at most `cut`, less half of all that are numbers.

    NaN for a request without any.
    """
    for i in range(excess.size):
        gaps = values[offsets[i] : offsets[i + 1]]
        up_to = known = 0
        for k in range(gaps.size):
            up_to += gaps[k] <= cut
            known += gaps[k] == gaps[k]
        excess[i] = up_to - 0.5 * known if known else np.nan
