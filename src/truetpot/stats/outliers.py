"""Which of several equal machines differs from the others, by a distance that it cannot move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

NORMAL = 1.4826
"""Median absolute deviation of a normal distribution to its standard deviation."""
LEAST_SPREAD = 0.005
"""Of the median: equal cards differ by as much from one run to the next, so that no deviation below
it makes a distance large."""


@dataclass(frozen=True)
class Distance:
    """One value's distance from the median of all."""

    value: float
    median: float
    relative: float
    """(value - median) / median."""
    robust: float
    """The same in robust standard deviations: 3.5 and more is an outlier (Iglewicz and Hoaglin,
    How to Detect and Handle Outliers, 1993)."""


def distances(values: Sequence[float]) -> list[Distance]:
    """Each value's distance from the median of all, in their order.

    The scale is the median absolute deviation, which half of the values cannot move. Raises
    ValueError for a median that is not positive.
    """
    if not values:
        return []
    middle = median(values)
    if middle <= 0:
        raise ValueError("distances need a positive median")
    spread = NORMAL * median(abs(value - middle) for value in values)
    spread = max(spread, LEAST_SPREAD * middle)
    return [
        Distance(value, middle, (value - middle) / middle, (value - middle) / spread)
        for value in values
    ]
