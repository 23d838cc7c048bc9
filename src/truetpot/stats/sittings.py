"""A gain over several processes: what one process has of its own is not a property of the kernel.

Within a process, memory lies where it lies, code is aligned as it is, and clocks are at some state:
every sample has its share of that, and no number of them averages it out. So each process counts
once, by its own paired ratio, and the interval is that of the processes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from truetpot.stats.compare import Comparison, compare
from truetpot.stats.paired import Ratio


def across(gains: Sequence[float], confidence: float) -> Ratio:
    """The ratio over processes: geometric mean, and Student's interval of the logarithms.

    ``gains`` are one ratio a process, ``confidence`` is such as 0.95. Raises ValueError for fewer
    than two, which have no interval.
    """
    count = len(gains)
    if count < 2:
        raise ValueError("an interval needs two processes or more")
    logs = [math.log(gain) for gain in gains]
    mean = math.fsum(logs) / count
    deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in logs) / (count - 1))
    half = student((1 + confidence) / 2, count - 1) * deviation / math.sqrt(count)
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half), count)


def verdict(gain: Ratio, least: float) -> Comparison:
    """Of a gain, the time before over the time after: ``faster`` is what is worth a change.

    That takes an interval which lies above 1, and a gain of ``least`` (0.01 for 1 %) or more: then
    the interval's half is narrower than the gain. A smaller one that is above 1 is the ``same``.
    """
    order = compare(gain.inverse(), least)
    if order is Comparison.FASTER and gain.median < 1 + least:
        return Comparison.SAME
    return order


def student(probability: float, freedom: int) -> float:
    """The quantile of Student's t above its centre; ``probability`` from 0.5 to below 1."""
    low, high = 0.0, 2.0
    while _cumulated(high, freedom) < probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        if _cumulated(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return high


def _cumulated(t: float, freedom: int) -> float:
    """P(T <= t) for t >= 0, exact for whole degrees of freedom.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    angle = math.atan2(t, math.sqrt(freedom))
    square = math.cos(angle) ** 2
    if freedom % 2:
        term, total = math.cos(angle), 0.0
        for k in range(1, freedom - 1, 2):
            total += term
            term *= square * (k + 1) / (k + 2)
        inside = 2 / math.pi * (angle + math.sin(angle) * total)
    else:
        term, total = 1.0, 0.0
        for k in range(0, freedom - 1, 2):
            total += term
            term *= square * (k + 1) / (k + 2)
        inside = math.sin(angle) * total
    return (1 + inside) / 2
