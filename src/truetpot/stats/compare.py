"""Is one thing faster than another? Four answers, the last of which is that nobody knows yet."""

from __future__ import annotations

from enum import StrEnum

from truetpot.stats.paired import Ratio


class Comparison(StrEnum):
    """What the paired ratio of two times establishes, read as "the first is ..."."""

    FASTER = "faster"
    SAME = "same"
    SLOWER = "slower"
    UNDECIDED = "undecided"


def compare(ratio: Ratio, least: float = 0.0) -> Comparison:
    """The verdict on a/b, from its interval.

    ``least`` is the smallest difference that matters, 0.01 for 1 %: where the whole interval is
    within it, the two are the same. An interval that has 1 in it and reaches further is undecided.
    """
    if 1 - least <= ratio.low and ratio.high <= 1 + least:
        return Comparison.SAME
    if ratio.high < 1:
        return Comparison.FASTER
    if ratio.low > 1:
        return Comparison.SLOWER
    return Comparison.UNDECIDED
