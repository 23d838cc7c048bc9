"""Percentiles by linear interpolation: the arithmetic of numpy.percentile, to the last bit.

Method 7 of Hyndman and Fan, Sample quantiles in statistical packages, The American Statistician 50
(1996), doi 10.2307/2684934.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor


def neighbours(count: int, percentile: float) -> tuple[int, int]:
    """Ranks, from 0, of the two of `count` ordered values that the percentile lies between."""
    low = min(floor((count - 1) * (percentile / 100)), count - 1)
    return low, min(low + 1, count - 1)


def interpolate(value_at: Callable[[int], float], count: int, percentile: float) -> float:
    """The percentile, in 0..100, of `count` values of which ``value_at(rank)`` is the ordered."""
    ranks = neighbours(count, percentile)
    share = (count - 1) * (percentile / 100) - ranks[0]
    low, high = map(value_at, ranks)
    # From the nearer end, as numpy does: the last bit depends on it.
    if share >= 0.5:
        return high - (high - low) * (1 - share)
    return low + (high - low) * share
