"""Outliers are found by a distance that they cannot move."""

import random

import pytest

from truetpot.stats import distances


def test_one_of_five():
    found = distances([100.0, 101.0, 99.0, 100.0, 60.0])
    assert [one.robust < -3.5 for one in found] == [False] * 4 + [True]
    assert found[4].relative == pytest.approx(-0.4)
    assert all(one.median == 100.0 for one in found)


def test_two_of_five_do_not_hide_each_other():
    found = distances([100.0, 101.0, 99.0, 60.0, 61.0])
    assert [one.robust < -3.5 for one in found] == [False] * 3 + [True, True]


def test_equal_values_have_a_scale():
    """Four equal ones have no spread, and half a percent is no distance."""
    found = distances([100.0] * 4 + [99.0])
    assert found[4].robust == pytest.approx(-2.0)
    assert found[0].robust == 0.0


def test_normal_ones_are_rarely_outliers():
    rng = random.Random(0)
    far = sum(
        abs(one.robust) > 3.5
        for _ in range(200)
        for one in distances([rng.gauss(100, 2) for _ in range(20)])
    )
    assert far / 4000 < 0.01


def test_none_and_no_scale():
    assert distances([]) == []
    with pytest.raises(ValueError, match="positive"):
        distances([0.0, 0.0])
