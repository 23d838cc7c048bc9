"""How far values lie from the median of their kind, and how far chance alone would put one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from truetpot.fleet.limits import limit
from truetpot.stats import Distance, distances
from truetpot.stats.outliers import LEAST_SPREAD
from truetpot.stats.student import student

POOLED = 3
"""Figures from which on the median of their spreads is worth something."""


@dataclass(frozen=True)
class Apart:
    """The values of one figure, judged against their median."""

    median: float
    relative: list[float]
    """(value - median) / median, of each value in their order."""
    robust: list[float]
    """The same in robust standard deviations: of the figure, or the median of all where that is
    larger."""
    spread: float
    """The figure's own robust standard deviation over the median."""
    limit: float
    """Robust standard deviations of an outlier."""
    judged: bool
    """False where there are too few values."""

    def outliers(self) -> list[bool]:
        """For each value, whether it is beyond both limits."""
        return [
            self.judged and abs(robust) > self.limit and abs(relative) > limit("relative")
            for relative, robust in zip(self.relative, self.robust, strict=True)
        ]


def apart(groups: Sequence[Sequence[float]]) -> list[Apart]:
    """Each figure's values, all positive, against their median.

    Of few values the deviation comes out far too small now and then. It is therefore never less
    than the median spread of this fleet's figures, and the limit is one of Student's t.
    """
    least = int(limit("least_values"))
    by = [distances(values) for values in groups]
    spreads = [_spread(one) for one in by]
    known = [spread for one, spread in zip(by, spreads, strict=True) if len(one) >= least]
    pooled = len(known) >= POOLED
    fleet_spread = median(known) if known else LEAST_SPREAD
    total = sum(len(one) for one in by if len(one) >= least)
    return [
        Apart(
            median=one[0].median,
            relative=[value.relative for value in one],
            robust=[value.relative / max(spread, fleet_spread) for value in one],
            spread=spread,
            limit=robust_limit(len(one), total, pooled),
            judged=len(one) >= least,
        )
        for one, spread in zip(by, spreads, strict=True)
    ]


def robust_limit(alike: int, total: int, pooled: bool = False) -> float:
    """So many deviations that chance rarely gives one outlier among ``total`` values.

    ``alike`` is how many values the deviation was estimated from, ``pooled`` whether it is held
    above the fleet's. The median absolute deviation of n normal values has tails as Student's t
    with n / 2 degrees of freedom.
    """
    if total <= 0:
        return limit("robust")
    freedom = max(1, alike // 2 + pooled)
    return max(limit("robust"), student(1 - limit("chance") / (2 * total), freedom))


def _spread(by: Sequence[Distance]) -> float:
    return next((one.relative / one.robust for one in by if one.robust), LEAST_SPREAD)
