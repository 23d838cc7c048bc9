"""Several things of one race beside the fastest of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from truetpot.stats.compare import Comparison, compare
from truetpot.stats.paired import Ratio, contradicts
from truetpot.stats.samples import Samples

EQUAL = 0.01
"""Times that differ by less than so much are the same to whoever chooses between kernels."""


@dataclass(frozen=True)
class Standing:
    """One beside the fastest: its time over that one's, round by round."""

    over_best: Ratio
    order: Comparison
    """``same`` for the fastest itself, ``undecided`` where the order is not established."""
    refuted: bool
    """Whether the medians say something else than the rounds, by more than all intervals."""
    itself: bool = False
    """Whether it is the fastest."""


def fastest(raced: Sequence[Samples]) -> Samples:
    """The one whose rounds are shortest, by ratios of the same rounds.

    Two medians over a drifting machine may say the opposite. Raises IndexError where none is given.
    """
    first = raced[0]
    return min(raced, key=lambda one: one.over(first).median)


def standing(one: Samples, best: Samples) -> Standing:
    """Of one of a race beside the fastest of it, see :func:`fastest`.

    The order is undecided where the interval of the ratio has 1 in it and is wider than
    :data:`EQUAL`, and where the medians name the other one.
    """
    ratio = one.over(best)
    mine, its = one.stats, best.stats
    refuted = contradicts(ratio, mine, its)
    order = compare(ratio, EQUAL)
    opposite = (mine.median_s - its.median_s) * (ratio.median - 1) < 0
    if refuted or (opposite and order is not Comparison.SAME):
        order = Comparison.UNDECIDED
    return Standing(ratio, order, refuted, one is best)
