"""A line through points, by hand and by construction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truetpot.stats import fit_line


def test_two_points_are_on_their_line():
    line = fit_line([0, 1000], [5.0, 7.0])
    assert (line.base, line.slope) == pytest.approx((5.0, 0.002))
    assert line.residuals == pytest.approx((0.0, 0.0), abs=1e-12)
    assert line.at(500) == pytest.approx(6.0)


def test_residuals_are_relative_and_the_least_by_hand():
    # b + s x over y: the rows are (1, 0), (1/2, 1/2), (1/4, 1/2), all to be 1. Normal equations:
    # 21/16 b + 3/8 s = 7/4 and 3/8 b + 1/2 s = 1, so b = 32/33, s = 14/11
    line = fit_line([0, 1, 2], [1.0, 2.0, 4.0])
    assert (line.base, line.slope) == pytest.approx((32 / 33, 14 / 11))
    by_hand = [(y - 32 / 33 - 14 / 11 * x) / y for x, y in ((0, 1.0), (1, 2.0), (2, 4.0))]
    assert line.residuals == pytest.approx(by_hand)


@pytest.mark.parametrize("x", [[], [4], [4, 4]])
def test_no_line_through_one_context(x):
    assert fit_line(x, [1.0] * len(x)) is None


@given(
    st.lists(st.integers(0, 1 << 17), min_size=2, max_size=8, unique=True),
    st.floats(0.1, 100.0), st.floats(0.0, 1e-2), st.floats(1e-3, 1e3),
)  # fmt: skip
def test_what_lies_on_a_line_gives_that_line_in_any_unit(x, base, slope, unit):
    line = fit_line(x, [unit * (base + slope * one) for one in x])
    assert max(map(abs, line.residuals)) < 1e-9
    for one in x:
        assert line.at(one) == pytest.approx(unit * (base + slope * one), rel=1e-6)
