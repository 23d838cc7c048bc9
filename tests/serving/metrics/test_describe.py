"""One value a request, with and without weights, against fractions and NumPy on all repeated."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serving.metrics.samples import assert_summary, reference
from truetpot.serving.metrics import PERCENTILES
from truetpot.serving.metrics.describe import describe

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e150, max_value=1e150)
TIMES = st.one_of(
    FINITE,
    st.floats(0, 1),
    st.sampled_from([0.0, -0.0, 5e-324, 1e-310, 0.03, 1.0, 30.65755]),
)


@given(st.lists(TIMES, min_size=1, max_size=60))
def test_every_value_once(values):
    found = describe(np.array(values))
    assert found.count == len(values)
    assert_summary(found, reference(values))


@given(st.lists(st.tuples(TIMES, st.integers(1, 7)), min_size=1, max_size=30))
def test_a_weight_is_a_repetition(pairs):
    values, weights = map(list, zip(*pairs, strict=True))
    found = describe(np.array(values), np.array(weights))
    assert found.count == len(values)
    assert_summary(found, reference(values, weights))


@given(st.lists(st.one_of(TIMES, st.sampled_from([math.inf, -math.inf])), min_size=1, max_size=40))
def test_infinities_are_as_in_numpy(values):
    with np.errstate(invalid="ignore"):
        found = describe(np.array(values))
        expected = np.percentile(values, PERCENTILES)
        mean = np.mean(values)
    np.testing.assert_array_equal([*found.percentiles.values()], expected)
    assert (found.min, found.max) == (min(values), max(values))
    if not math.isfinite(mean):
        np.testing.assert_array_equal(found.mean, mean)
        assert math.isnan(found.std)


def test_a_sum_too_large_for_a_double_is_infinite_and_no_error():
    with np.errstate(over="ignore"):
        found = describe(np.full(40, 1.7e308))
    assert found.mean == math.inf
    assert found.median == 1.7e308


def test_weights_of_millions_of_tokens_cost_no_memory():
    found = describe(np.array([1.0, 2.0]), np.array([10**15, 3 * 10**15]))
    assert found.mean == 1.75
    assert found.percentiles[50] == 2.0
    assert found.trimmed_mean == pytest.approx((0.15 * 1 + 0.65 * 2) / 0.8, rel=1e-12)


def test_one_value_is_all_there_is():
    found = describe(np.array([0.03]))
    assert {found.mean, found.median, found.trimmed_mean, found.min, found.max} == {0.03}
    assert set(found.percentiles.values()) == {0.03}
    assert found.std == 0
    assert found.median_ci is None
