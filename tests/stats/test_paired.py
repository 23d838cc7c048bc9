"""Ratios of one round, and when medians refute them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truetpot.stats import Comparison, Ratio, compare, contradicts, paired, stats


def test_drift_cancels():
    drift = np.array([1.0, 2.0, 1.0, 3.0, 1.5, 2.5, 1.0, 2.0])
    found = paired(1.1 * drift, drift)
    assert (found.low, found.median, found.high) == pytest.approx((1.1, 1.1, 1.1))
    assert found.count == 8


def test_only_the_rounds_that_both_have():
    assert paired([2.0, 4.0, 99.0], [1.0, 2.0]).count == 2


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)), min_size=1, max_size=60))
def test_the_other_way_round_has_the_reversed_interval(pairs):
    a, b = zip(*pairs, strict=True)
    there, back = paired(a, b), paired(b, a).inverse()
    assert (back.low, back.high) == pytest.approx((there.low, there.high))


def test_medians_in_two_regimes_refute_the_ratio():
    # by hand: b is always 10 % slower; but a has its median in the fast half, b in the slow one
    a = [1.0] * 11 + [2.0] * 10
    b = [1.1] * 10 + [2.2] * 11
    ratio = paired(a, b)
    assert ratio.median == pytest.approx(1 / 1.1)
    # medians 1.0 and 2.2; their intervals reach over both speeds, so nothing is refuted
    assert not contradicts(ratio, stats(a), stats(b))
    assert contradicts(Ratio(1.5, 1.4, 1.6, 20), stats([1.0] * 20), stats([1.0] * 20))
    assert contradicts(Ratio(0.5, 0.4, 0.6, 20), stats([1.0] * 20), stats([1.0] * 20))
    assert not contradicts(Ratio(1.0, 0.99, 1.01, 20), stats([1.0] * 20), stats([1.0] * 20))


@pytest.mark.parametrize(
    ("low", "high", "least", "verdict"),
    [
        (0.90, 0.95, 0.0, Comparison.FASTER),
        (1.05, 1.10, 0.0, Comparison.SLOWER),
        (0.99, 1.01, 0.0, Comparison.UNDECIDED),
        (0.99, 1.01, 0.02, Comparison.SAME),
        (0.985, 0.995, 0.02, Comparison.SAME),
        (0.97, 0.995, 0.02, Comparison.FASTER),
        (0.97, 1.005, 0.02, Comparison.UNDECIDED),
        (1.0, 1.0, 0.0, Comparison.SAME),
    ],
)
def test_verdicts(low, high, least, verdict):
    assert compare(Ratio((low + high) / 2, low, high, 20), least) is verdict
