"""Ratios of samples that were taken in the same rounds, so that a machine's drift cancels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truetpot.stats.median import Stats, stats


@dataclass(frozen=True)
class Ratio:
    """Median over the rounds of one quotient, with the median's 95 % interval."""

    median: float
    low: float
    high: float
    count: int

    def inverse(self) -> Ratio:
        """Of the other way round; exact for the interval, as the order of quotients reverses."""
        return Ratio(1 / self.median, 1 / self.high, 1 / self.low, self.count)

    def times(self, factor: float) -> Ratio:
        """Median and interval multiplied by a positive number."""
        return Ratio(self.median * factor, self.low * factor, self.high * factor, self.count)


def paired(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> Ratio:
    """The ratio a/b, round by round, over the rounds that both have.

    Raises ValueError where there is none.
    """
    rounds = min(len(a), len(b))
    quotients = np.asarray(a[:rounds], dtype=np.float64) / np.asarray(b[:rounds], dtype=np.float64)
    found = stats(quotients)
    return Ratio(found.median_s, found.low_s, found.high_s, found.count)


def contradicts(ratio: Ratio, a: Stats, b: Stats) -> bool:
    """Whether the medians of a and b refute their paired ratio by more than all intervals.

    A machine that drifts between two speeds can have the medians of two kernels in different ones
    of them: then a's median over b's says something else than the rounds do, and neither is right.
    """
    if b.low_s <= 0 or b.high_s <= 0:
        return True
    return a.high_s / b.low_s < ratio.low or a.low_s / b.high_s > ratio.high
