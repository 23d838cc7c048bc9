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
from truetpot.stats.student import student


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
