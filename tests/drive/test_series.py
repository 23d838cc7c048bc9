"""Lines over depth and concurrency, and where a server parts from the ladder."""

import pytest

from truetpot.drive.arms import differences
from truetpot.drive.series import series
from truetpot.records.drive import DrivePoint
from truetpot.records.words import PointStatus
from truetpot.stats.compare import Comparison


def point(concurrency=1, input=200, token_ms=20.0, **more):
    given = {"context": input + 32.0, "batch": float(concurrency), "step_ms": 10.0} | more
    return DrivePoint(
        concurrency=concurrency, input_tokens=input, status=PointStatus.OK, token_ms=token_ms,
        **given,
    )  # fmt: skip


def test_base_and_slope_over_depth():
    """12 ms + 2 ms per 1,000 tokens, where the step has 10 + 1 and the floor 5 + 1."""
    points = [
        point(input=at - 32, token_ms=12 + 2 * k, step_ms=10 + k, floor_ms=5 + k)
        for at, k in ((1032, 1.032), (4032, 4.032), (8032, 8.032))
    ]
    (row,) = series(points)
    assert (row.over, row.at, row.points, row.least, row.most) == ("depth", 1, 3, 1032, 8032)
    assert (row.base_ms, row.slope_ms) == pytest.approx((12, 2))
    assert (row.step_base_ms, row.step_slope_ms) == pytest.approx((10, 1))
    assert (row.floor_base_ms, row.floor_slope_ms) == pytest.approx((5, 1))
    assert row.residual == pytest.approx(0, abs=1e-9)
    assert row.parts_at is None


@pytest.mark.parametrize(
    ("ratios", "parts_at"),
    [
        ([1.5, 1.52, 1.9, 2.5], 4),
        ([1.5, 1.6, 1.5, 1.4], None),
        ([1.5, 1.8, 1.5, 1.7], 8),  # one that comes back again is no parting
    ],
)
def test_where_server_and_ladder_part(ratios, parts_at):
    steps = [10.0, 10.5, 11.0, 12.0]
    points = [
        point(many, token_ms=ratio * step, step_ms=step)
        for many, ratio, step in zip((1, 2, 4, 8), ratios, steps, strict=True)
    ]
    (row,) = series(points)
    assert (row.over, row.at) == ("concurrency", 200)
    assert row.ratios == pytest.approx(ratios)
    assert row.parts_at == parts_at


def test_without_a_ladder_there_is_no_parting():
    (row,) = series([point(1, step_ms=None), point(4, token_ms=30.0, step_ms=None)])
    assert row.slope_ms == pytest.approx(10 / 3)
    assert row.residual is None and row.parts_at is None and row.step_base_ms is None


def test_rounds_are_one_point_by_their_mean():
    points = [
        point(many, token_ms=time, round=turn)
        for many, turn, time in [(1, 0, 9.0), (1, 1, 11.0), (2, 0, 19.0), (2, 1, 21.0)]
    ]
    (row,) = series(points)
    assert row.points == 2
    assert (row.base_ms, row.slope_ms) == pytest.approx((0, 10), abs=1e-9)


def test_lost_points_and_other_servers_are_in_no_line():
    lost = DrivePoint(concurrency=8, input_tokens=200, status=PointStatus.INVALID)
    assert series([point(1), lost, point(4, arm="other")]) == []


def test_differences_are_taken_round_by_round():
    """The machine drifts by half; the ratio of each round is 2, up to a per cent."""
    pace, noise = (10.0, 12.0, 15.0), (1.0, 1.01, 0.99)
    points = [point(token_ms=one, arm="plain", round=i) for i, one in enumerate(pace)]
    points += [
        point(token_ms=2 * one * off, arm="eager", round=i)
        for i, (one, off) in enumerate(zip(pace, noise, strict=True))
    ]
    (row,) = differences(points)
    assert (row.arm, row.against, row.rounds) == ("eager", "plain", 3)
    assert row.ratio == pytest.approx(2, rel=0.01)
    assert 1.9 < row.low < row.ratio < row.high < 2.1
    assert row.says is Comparison.SLOWER


def test_a_difference_needs_both_and_an_interval_two_rounds():
    points = [point(arm="a"), point(arm="b", token_ms=10.0), point(4, arm="b")]
    (row,) = differences(points)
    assert (row.concurrency, row.ratio, row.low, row.says) == (1, 0.5, None, None)
