"""When is a time known? The stop rule, and what is said about a set of samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StopRule:
    """Stop at enough certainty or at the end of the budget, whichever comes first.

    ``noise``: half the width of the median's 95 % interval over the median. ``seconds``: wall time
    of the whole race. Never before ``min_samples`` of everything in it, budget or not.
    """

    noise: float = 0.01
    seconds: float = 10.0
    min_samples: int = 20
    max_samples: int = 100_000
    warmup_s: float = 0.5


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
    """Median with its distribution-free 95 % interval from order statistics.

    The ranks are n/2 -+ 1.96 sqrt(n)/2 (the normal approximation of the binomial, as in Le Boudec,
    Performance Evaluation of Computer and Communication Systems, 2010, section 2.2), widened
    outwards; below 6 samples the interval is the whole range.
    """
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    n = len(ordered)
    if n == 0:
        raise ValueError("no samples")
    reach = 0.98 * math.sqrt(n)
    low = max(0, math.floor(n / 2 - reach)) if n >= 6 else 0
    high = min(n - 1, math.ceil(n / 2 + reach)) if n >= 6 else n - 1
    mean = float(ordered.mean())
    return Stats(
        count=n,
        median_s=float(np.median(ordered)),
        low_s=float(ordered[low]),
        high_s=float(ordered[high]),
        cv=float(ordered.std(ddof=1) / mean) if n > 1 and mean > 0 else 0.0,
        min_s=float(ordered[0]),
        max_s=float(ordered[-1]),
    )
