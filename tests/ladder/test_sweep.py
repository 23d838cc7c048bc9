"""Lines over contexts and means over requests, by hand."""

import msgspec
import pytest

from tests.records.kept import load
from truetpot.ladder.sweep import fits, mean_context
from truetpot.records.decode import DecodeRecord
from truetpot.records.sweep import RequestRow, SweepPoint
from truetpot.records.words import PointStatus


def point(context, step_ms, batch=1, status=PointStatus.OK):
    rung = {"ms_per_token": step_ms}
    made = load("decode") | {
        "context": context, "batch": batch,
        "rungs": {"spec": None, "ceiling": rung | {"ms_per_token": step_ms / 2}, "kernels": rung,
                  "step": rung, "eager": None},
    }  # fmt: skip
    record = msgspec.convert(made, DecodeRecord)
    return SweepPoint(context=context, batch=batch, status=status, reason="", record=record)


def test_base_slope_and_mean_by_hand():
    # 5 ms and 1 us a token; 4096 tokens out are 4095 steps over contexts 1024 to 5118
    points = [point(c, 5.0 + 1e-3 * c) for c in (0, 1024, 8192)]
    request = RequestRow(prompt=1024, output=4096)
    assert mean_context(request) == (1024 + 5118) / 2
    ceiling, kernels, step = fits(points, request)
    assert (ceiling.rung, kernels.rung, step.rung) == ("ceiling", "kernels", "step")
    assert (step.base_ms, step.us_per_token) == pytest.approx((5.0, 1.0))
    assert step.mean_ms == pytest.approx(5.0 + 3.071)
    each = [5.0 + 1e-3 * c for c in range(1024, 5119)]
    assert step.mean_ms == pytest.approx(sum(each) / 4095)
    assert ceiling.mean_ms == pytest.approx(step.mean_ms / 2)
    assert step.contexts == [0, 1024, 8192]
    assert step.residuals == pytest.approx([0.0] * 3, abs=1e-9)
    assert not step.extrapolated


def test_each_batch_has_its_own_line_and_unfinished_points_are_in_none():
    points = [point(0, 5.0), point(1000, 6.0), point(0, 8.0, batch=8), point(1000, 16.0, batch=8)]
    points += [point(2000, 99.0, status=PointStatus.PARTIAL), point(0, 1.0, batch=32)]
    rows = [row for row in fits(points, None) if row.rung == "step"]
    assert [row.batch for row in rows] == [1, 8]
    assert [row.us_per_token for row in rows] == pytest.approx([1.0, 8.0])
    assert [row.mean_ms for row in rows] == [None, None]


@pytest.mark.parametrize(
    ("prompt", "output", "beyond"),
    [(0, 1002, False), (0, 1003, True), (1, 2, False), (1001, 2, True)],
)
def test_a_request_beyond_the_contexts_is_said_to_be(prompt, output, beyond):
    points = [point(0, 5.0), point(1000, 6.0)]
    rows = fits(points, RequestRow(prompt=prompt, output=output))
    assert {row.extrapolated for row in rows} == {beyond}
