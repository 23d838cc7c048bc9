"""Limits that grow with the number of values and for few cards: they keep what they say."""

import numpy as np
import pytest

from truetpot.fleet.apart import apart, robust_limit
from truetpot.fleet.limits import limit

FLEETS = 300
NOISE = 0.06
"""Far above the least spread and the relative limit: what is tried are the deviations alone."""


def share_with_an_outlier(rng, figures, cards, varied):
    """Of healthy fleets with normal noise, as large in each figure or varied between them."""
    found = 0
    for _ in range(FLEETS):
        noise = NOISE * np.exp(rng.normal(0, 0.5 * varied, figures))
        values = 1 + rng.normal(0, 1, (figures, cards)) * noise[:, None]
        found += any(any(one.outliers()) for one in apart(np.abs(values).tolist()))
    return found / FLEETS


@pytest.mark.parametrize("cards", [3, 4, 6, 12])
@pytest.mark.parametrize("figures", [1, 5, 20])
@pytest.mark.parametrize("varied", [False, True], ids=["alike", "varied"])
def test_chance_gives_no_more_outliers_than_it_may(figures, cards, varied):
    rng = np.random.default_rng([figures, cards, varied])
    may = limit("chance")
    assert share_with_an_outlier(rng, figures, cards, varied) < may + 3 * (may / FLEETS) ** 0.5


def test_so_many_deviations_alone_would_not_do():
    """What the limit is raised for: 3.5 deviations give outliers in most healthy fleets."""
    rng = np.random.default_rng(1)
    groups = (1 + rng.normal(0, NOISE, (200, 5, 12))).tolist()
    beyond = [any(abs(r) > 3.5 for one in apart(group) for r in one.robust) for group in groups]
    assert np.mean(beyond) > 2 * limit("chance")


def test_one_card_among_few_and_many():
    steady = [[440.0, 441.0, 439.0, 440.5, 438.5] for _ in range(4)]
    slow, *others = apart([[440.0, 441.0, 439.0, 440.5, 380.0], *steady])
    assert slow.outliers() == [False] * 4 + [True]
    assert slow.relative[-1] == pytest.approx(-0.136, abs=0.001)
    assert not any(any(one.outliers()) for one in others)


def test_a_difference_that_is_small_is_none_however_narrow_the_others_lie():
    (one,) = apart([[100.0] * 30 + [95.5]])
    assert abs(one.robust[-1]) > one.limit and not any(one.outliers())


def test_two_are_not_judged():
    (one,) = apart([[100.0, 50.0]])
    assert not one.judged and not any(one.outliers())


def test_the_limits_that_the_page_names():
    assert round(robust_limit(1000, 10_000, pooled=True), 1) == 4.6
    assert round(robust_limit(6, 30, pooled=True)) == 8
    assert robust_limit(6, 0) == limit("robust")
