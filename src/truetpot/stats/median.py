"""The median of a set of samples, and its interval by exact binomial ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Stats:
    """What a set of samples says. Seconds; no sample was dropped."""

    count: int
    median_s: float
    low_s: float
    """Lower end of the median's 95 % interval."""
    high_s: float
    cv: float
    """Standard deviation over mean."""
    min_s: float
    max_s: float

    @property
    def noise(self) -> float:
        """Half the interval's width over the median."""
        return (self.high_s - self.low_s) / 2 / self.median_s if self.median_s > 0 else math.inf


def stats(samples: Sequence[float] | np.ndarray) -> Stats:
    """The median with its distribution-free interval, see :func:`median_ranks`.

    Raises ValueError where there are no samples.
    """
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    n = len(ordered)
    if n == 0:
        raise ValueError("no samples")
    low, high = median_ranks(n)
    mean = float(ordered.mean())
    return Stats(
        count=n,
        median_s=float(np.median(ordered)),
        low_s=float(ordered[low - 1]),
        high_s=float(ordered[high - 1]),
        cv=float(ordered.std(ddof=1) / mean) if n > 1 and mean > 0 else 0.0,
        min_s=float(ordered[0]),
        max_s=float(ordered[-1]),
    )


@lru_cache(maxsize=4096)
def median_ranks(n: int) -> tuple[int, int]:
    """Ranks, from 1, of the two samples between which the median lies with 95 % confidence.

    The narrowest interval from rank r to rank n + 1 - r whose coverage, 1 - 2 P(B < r) with B
    binomial of n and 1/2, is at least 0.95 (David and Nagaraja, Order Statistics, 3rd edition,
    2003, section 7.1; Le Boudec, Performance Evaluation of Computer and Communication Systems,
    2010, section 2.2). Below 6 samples no ranks reach that, and it is the whole range.
    """
    # ranks r and n + 1 - r leave out B < r and B > n - r: what is inside grows from the centre
    r = (n + 1) // 2
    inside = 0.0
    for rank in range(n // 2, 0, -1):
        weight = math.exp(
            math.lgamma(n + 1) - math.lgamma(rank + 1) - math.lgamma(n - rank + 1) - n * math.log(2)
        )
        inside += weight if 2 * rank == n else 2 * weight
        r = rank
        if inside >= CONFIDENCE:
            return r, n + 1 - r
    return 1, n
