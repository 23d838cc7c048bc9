"""Gaps of all requests described as one sample, and their sums by request.

Few gaps are sorted in NumPy, many go through the numba loops, with identical results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from truetpot.serving.metrics.describe import describe, fsum
from truetpot.serving.metrics.order import interpolate, neighbours
from truetpot.serving.metrics.summary import PERCENTILES, Summary
from truetpot.serving.records import Floats, Gaps
from truetpot.stats.clustered import median_interval

if TYPE_CHECKING:
    from truetpot.serving.metrics.spans import Spans

FEW = 1_000_000
"""Gaps up to which NumPy is the faster way. Sorting a million takes 0.4 s, three million 1.5 s; to
load numba and the compiled loops takes 0.35 s, to compile them, once an installation, 5 s."""


def describe_gaps(gaps: Gaps, keep: NDArray[np.bool_]) -> Summary | None:
    """The summary of the gaps of the requests with ``keep`` [requests], None if there are none.

    NaN is left out. ``count`` is of the gaps. The median's interval takes requests, not gaps, for
    independent (:func:`~truetpot.stats.clustered.median_interval`).
    """
    if len(gaps.seconds) <= FEW:
        return _describe_few(gaps, keep)
    return _describe_many(gaps, keep)


def percentiles(gaps: Gaps, wanted: Iterable[float] = PERCENTILES) -> dict[float, float]:
    """Percentiles, in 0..100, of all gaps that are numbers; at least one is.

    The same doubles as ``numpy.percentile(gaps.seconds, wanted)`` without the NaN.
    """
    from truetpot.serving.metrics.loops import scan
    from truetpot.serving.metrics.spans import Spans

    spans = Spans.of(gaps, np.ones(len(gaps.offsets) - 1, np.bool_))
    count = sum(counted for counted, *_ in spans.each(scan))
    return _percentiles(spans, count, tuple(wanted))


def request_sums(gaps: Gaps) -> Floats:
    """Correctly rounded sum of each request's gaps [requests]: 0 without any, NaN with a NaN."""
    if len(gaps.seconds) + len(gaps.offsets) <= FEW:
        return np.array([fsum(gaps.seconds[a:b]) for a, b in pairwise(gaps.offsets)], np.float64)
    from truetpot.serving.metrics import loops

    return _by_request(loops.request_sums, gaps)


def _describe_few(gaps: Gaps, keep: NDArray[np.bool_]) -> Summary | None:
    """Sorted in NumPy, which needs several arrays of their size."""
    request = np.repeat(np.arange(len(keep)), gaps.counts())
    chosen = keep[request] & ~np.isnan(gaps.seconds)
    if not chosen.any():
        return None
    _, nth = np.unique(request[chosen], return_inverse=True)
    return describe(gaps.seconds[chosen], requests=nth)


def _describe_many(gaps: Gaps, keep: NDArray[np.bool_]) -> Summary | None:
    """In a few passes and, beside the gaps, the memory of some per cent of them."""
    from truetpot.serving.metrics import loops
    from truetpot.serving.metrics.select import order_statistics
    from truetpot.serving.metrics.spans import Spans

    spans = Spans.of(gaps, keep)
    scanned = spans.each(loops.scan)
    count = sum(each[0] for each in scanned)
    if not count:
        return None
    _, sums, errors, least, greatest = zip(*scanned, strict=True)
    mean = _sum([*sums, *errors]) / count
    cut = count // 10
    trims = cut, count - 1 - cut
    ranks = {rank for q in PERCENTILES for rank in neighbours(count, q)}
    value_at = order_statistics(spans, count, ranks | set(trims))
    found = {q: interpolate(value_at.__getitem__, count, q) for q in PERCENTILES}

    low, high = (value_at[rank] for rank in trims)
    moments = zip(*spans.each(loops.moments, mean, low, high), strict=True)
    squares, square_errors, up_to, between, inner, inner_errors = moments
    kept = count - 2 * cut
    lows = min(sum(up_to) - cut, kept)
    highs = kept - lows - sum(between)

    excess = _by_request(loops.request_excess, gaps, found[50.0])[keep]
    ends = median_interval(excess[~np.isnan(excess)], count)
    around = _percentiles(spans, count, ends) if ends else {}
    return Summary(
        count=count,
        mean=mean,
        median=found[50.0],
        median_ci=(around[ends[0]], around[ends[1]]) if ends else None,
        trimmed_mean=_sum([*inner, *inner_errors], (low, lows), (high, highs)) / kept,
        std=math.sqrt(_sum([*squares, *square_errors]) / count),
        min=min(least),
        max=max(greatest),
        percentiles=found,
    )


def _percentiles(spans: Spans, count: int, wanted: tuple[float, ...]) -> dict[float, float]:
    from truetpot.serving.metrics.select import order_statistics

    ranks = {rank for q in wanted for rank in neighbours(count, q)}
    value_at = order_statistics(spans, count, ranks)
    return {q: interpolate(value_at.__getitem__, count, q) for q in wanted}


def _by_request(loop: Callable[..., None], gaps: Gaps, *args: float) -> Floats:
    """What the loop writes for each request [requests]."""
    from truetpot.serving.metrics.spans import in_shares

    offsets, out = gaps.offsets, np.empty(len(gaps.offsets) - 1)
    in_shares(lambda a, b: loop(gaps.seconds, offsets[a : b + 1], *args, out[a:b]), offsets)
    return out


def _sum(values: Iterable[float], *more: tuple[float, int]) -> float:
    """The correctly rounded sum of the values, and of `more`: pairs of a value and how often."""
    parts = [*((value, 1) for value in values), *more]
    try:
        return float(sum(Fraction(value) * times for value, times in parts))
    except (OverflowError, ValueError):  # infinity, NaN, or a sum that is too large
        return sum(value * times for value, times in parts if times)
