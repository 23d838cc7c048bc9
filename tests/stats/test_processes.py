"""Gains over processes, and the quantiles that their interval is made of, by tables and by hand."""

import math

import pytest

from truetpot.stats import Comparison, across, verdict
from truetpot.stats.student import MANY, _by_series, student


@pytest.mark.parametrize(
    ("freedom", "table"),
    [
        (1, 12.706), (2, 4.303), (4, 2.776), (7, 2.3646), (8, 2.3060), (10, 2.2281), (20, 2.0860),
        (30, 2.0423), (120, 1.9799), (10**6, 1.9600),
    ],
)  # fmt: skip
def test_student_s_quantile_is_the_table_s(freedom, table):
    """Abramowitz and Stegun, table 26.10."""
    assert student(0.975, freedom) == pytest.approx(table, abs=6e-4)


def test_the_series_takes_over_where_both_agree():
    for probability in (0.9, 0.975, 0.99375):
        exact, series = student(probability, MANY), _by_series(probability, MANY)
        assert exact == pytest.approx(series, abs=1e-8)


def test_each_process_counts_once():
    """Logarithms 0.01 and 0.03: mean 0.02, deviation 0.01 sqrt(2), so 12.706 x 0.01 either side."""
    gain = across([math.exp(0.01), math.exp(0.03)], 0.95)
    assert gain.median == pytest.approx(math.exp(0.02))
    assert math.log(gain.high) == pytest.approx(0.02 + 0.12706, abs=1e-5)
    assert math.log(gain.low) == pytest.approx(0.02 - 0.12706, abs=1e-5)


def test_one_process_has_no_interval():
    with pytest.raises(ValueError, match="two processes"):
        across([1.1], 0.95)


def test_what_is_worth_a_change_is_faster():
    assert verdict(across([1.03, 1.031, 1.029, 1.03, 1.03], 0.95), 0.01) is Comparison.FASTER
    assert verdict(across([1.005, 1.005, 1.0051, 1.005, 1.005], 0.95), 0.01) is Comparison.SAME
    assert verdict(across([0.9, 1.1, 1.2, 0.95, 1.0], 0.95), 0.01) is Comparison.UNDECIDED
