"""The median's interval, held against exact arithmetic at every number of samples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truetpot.stats import median_ranks, stats


def coverage_of_left_out(n, r):
    """2^n times the probability that the median lies outside ranks r to n + 1 - r: an integer."""
    return 2 * sum(math.comb(n, i) for i in range(r))


def test_ranks_cover_95_percent_and_no_narrower_ones_do():
    for n in range(6, 1001):
        low, high = median_ranks(n)
        assert high == n + 1 - low
        whole = 1 << n
        assert 100 * (whole - coverage_of_left_out(n, low)) >= 95 * whole, n
        narrower = low + 1
        if narrower <= n + 1 - narrower:
            assert 100 * (whole - coverage_of_left_out(n, narrower)) < 95 * whole, n


@pytest.mark.parametrize(
    ("n", "ranks"),
    # Le Boudec 2010, table A.1, for 95 %
    [(6, (1, 6)), (7, (1, 7)), (9, (2, 8)), (10, (2, 9)), (20, (6, 15)), (50, (18, 33)),
     (70, (27, 44)), (100, (40, 61))],
)  # fmt: skip
def test_ranks_of_the_published_table(n, ranks):
    assert median_ranks(n) == ranks


@pytest.mark.parametrize("n", range(1, 6))
def test_too_few_samples_give_their_whole_range(n):
    assert median_ranks(n) == (1, n)


def test_ranks_far_out_follow_the_normal_approximation():
    low, high = median_ranks(100_000)
    assert low == pytest.approx(50_000.5 - 0.98 * math.sqrt(100_000), abs=2)
    assert low + high == 100_001


def test_the_interval_covers_the_true_median_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(4000):
        found = stats(rng.lognormal(size=25))
        inside += found.low_s <= 1.0 <= found.high_s
    # exact coverage of n = 25 is 0.9567; four standard deviations below the least promised
    assert inside / 4000 > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 4000)


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=200))
def test_median_and_ends_are_ordered_and_are_samples(samples):
    found = stats(samples)
    assert found.min_s <= found.low_s <= found.median_s <= found.high_s <= found.max_s
    assert {found.low_s, found.high_s} <= set(samples)
    assert found.count == len(samples)


def test_by_hand():
    found = stats([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 9.0, 8.0, 7.0])
    assert (found.median_s, found.low_s, found.high_s) == (5.0, 2.0, 8.0)
    assert found.cv == pytest.approx(math.sqrt(7.5) / 5)
    assert found.noise == pytest.approx(0.6)


def test_no_samples():
    with pytest.raises(ValueError, match="no samples"):
        stats([])
