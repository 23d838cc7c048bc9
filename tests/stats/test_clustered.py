"""The median's interval: how often it covers, and whether it is what drawing would give."""

import numpy as np
import pytest

from tests.serving.metrics.samples import loops, make_gaps
from truetpot.serving.metrics.describe import describe
from truetpot.serving.metrics.pooled import describe_gaps
from truetpot.stats.clustered import median_interval

TRIALS = 1000
SLACK = 0.025
"""Three and a half standard errors of a share near 0.95 in so many trials."""


def coverage(draw, truth):
    """Share of samples whose interval holds the true median."""
    rng = np.random.default_rng(7)
    intervals = [draw(rng).median_ci for _ in range(TRIALS)]
    return np.mean([low <= truth <= high for low, high in intervals])


@pytest.mark.parametrize("requests", [8, 9, 20, 101])
def test_one_value_a_request_is_covered(requests):
    found = coverage(lambda rng: describe(rng.lognormal(0, 1, requests)), truth=1)
    assert 0.95 - SLACK <= found <= 0.99, "wider than it need be where there are few"


@pytest.mark.parametrize(("requests", "least"), [(8, 0.90), (30, 0.92), (100, 0.925)])
def test_gaps_of_like_requests_are_covered(requests, least):
    """Gaps of one request resemble each other."""

    def draw(rng):
        own = rng.normal(0, 0.5, requests)
        lists = [rng.lognormal(own[i], 0.5, rng.integers(5, 40)) for i in range(requests)]
        return describe_gaps(make_gaps(lists), np.ones(requests, bool))

    assert least <= coverage(draw, truth=1) <= 0.975


def test_gaps_taken_for_independent_are_not_covered():
    """That the test above can fail."""

    def draw(rng):
        own = rng.normal(0, 0.5, 30)
        return describe(np.concatenate([rng.lognormal(own[i], 0.5, 30) for i in range(30)]))

    assert coverage(draw, truth=1) < 0.6


def test_tokens_as_weights_are_covered():
    def draw(rng):
        return describe(rng.lognormal(0, 1, 60), rng.integers(1, 500, 60))

    assert 0.92 <= coverage(draw, truth=1) <= 0.975


def test_it_is_the_bootstrap_s_limit():
    """Of 2000 drawn resamples of requests, weighted by tokens, in ranks of the sample."""
    rng = np.random.default_rng(8)
    values, weights = rng.lognormal(0, 1, 400), rng.integers(1, 50, 400)
    order = np.argsort(values)
    medians = []
    for _ in range(2000):
        drawn = np.bincount(rng.integers(0, 400, 400), minlength=400)
        up_to = np.cumsum((drawn * weights)[order])
        medians.append(np.searchsorted(up_to, up_to[-1] / 2))
    drawn = np.percentile(medians, [2.5, 97.5])
    found = np.searchsorted(values[order], describe(values, weights).median_ci)
    assert np.abs(found - drawn).max() <= 5, "places, of some 60 between the ends"


def test_none_below_eight_requests():
    assert describe(np.arange(7.0)).median_ci is None
    assert describe(np.arange(8.0)).median_ci is not None
    lists = [[1.0] * 100] * 7 + [[], [np.nan]]
    for path in (loops, lambda: loops(share=50)):
        with path():
            assert describe_gaps(make_gaps(lists), np.ones(9, bool)).median_ci is None
            assert describe_gaps(make_gaps([*lists, [2.0]]), np.ones(10, bool)).median_ci == (1, 1)


def test_equal_values_leave_no_doubt():
    assert describe(np.full(50, 0.03)).median_ci == (0.03, 0.03)


def test_it_stays_within_the_sample():
    assert median_interval(np.array([1e6] + [-1.0] * 9), 1e6) == (0.0, 100.0)
