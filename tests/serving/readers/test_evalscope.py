"""evalscope's perf: one name, several quantities, told apart by the other keys."""

import pytest

from tests.serving.readers.evalscope_files import OF_0_12, OF_0_16, OF_1_0, OF_1_14, percentiles
from tests.serving.readers.files import figures, read_json
from truetpot.errors import UserError
from truetpot.serving.records import Counting, Metric


def test_a_summary_of_1_14(tmp_path):
    (run,) = read_json(tmp_path, OF_1_14)
    assert (run.tool, run.variant, run.notes) == ("evalscope", "summary", ())
    assert figures(run) == {
        (Metric.E2E, "mean"): 2.1,
        (Metric.TTFT, "mean"): 0.1,
        (Metric.TPOT, "mean"): 0.02,
        (Metric.ITL, "mean"): 0.04,
    }
    assert run.definitions[Metric.TPOT].canonical == "tpot_per_request"
    totals, setting = run.totals, run.setting
    assert (totals.attempted, totals.completed, totals.failed) == (21, 20, 1)
    assert (totals.input_tokens, totals.output_tokens) == (2000, {Counting.UNSTATED: 2020})
    assert (totals.duration_s, totals.requests_per_s) == (42, 0.48)
    assert (totals.output_tokens_per_s, totals.total_tokens_per_s) == (48.1, 95.7)
    assert (setting.max_concurrency, setting.request_rate) == (4, None)
    assert setting.tokens_per_step == 2


@pytest.mark.parametrize(
    ("given", "variant", "canonical"),
    [
        (OF_0_12, "summary, <= 0.12", ""),
        (OF_0_16, "summary, 0.13 to 0.17", ""),
        (OF_1_0, "summary", "tpot_per_request"),
    ],
)
def test_ages(tmp_path, given, variant, canonical):
    (run,) = read_json(tmp_path, given)
    assert run.variant == variant
    assert run.definitions[Metric.TPOT].canonical == canonical
    assert run.figure(Metric.TPOT, "mean") == given["Average time per output token (s)"]
    assert run.totals.completed == given["Succeed requests"]
    assert run.totals.output_tokens_per_s in given.values()
    assert run.setting.max_concurrency == given["Number of concurrency"]


def test_a_published_summary_by_hand(tmp_path):
    """(25.5892 s - 0.2734 s) / 1023 = 24.75 ms; it says 24.8 ms, of a chunk."""
    (run,) = read_json(tmp_path, OF_0_16)
    span = run.figure(Metric.E2E, "mean") - run.figure(Metric.TTFT, "mean")
    assert round(span / 1023, 4) == 0.0247 != run.figure(Metric.TPOT, "mean")
    assert run.definitions[Metric.TPOT].counting is Counting.CHUNKS


@pytest.mark.parametrize(
    ("unit", "scale", "canonical"), [("ms", 1, "tpot_per_request"), ("s", 1e-3, "")]
)
def test_percentiles(tmp_path, unit, scale, canonical):
    (run,) = read_json(tmp_path, percentiles(unit, scale))
    assert run.variant == "percentiles"
    found = figures(run)
    assert found[Metric.TPOT, "median"] == pytest.approx(0.02)
    assert found[Metric.TPOT, "p99"] == pytest.approx(0.021)
    assert found[Metric.E2E, "p99"] == 2.1 and found[Metric.ITL, "median"] == pytest.approx(0.04)
    assert run.definitions[Metric.TPOT].canonical == canonical


def test_what_was_not_measured(tmp_path):
    given = {**OF_1_14, "Avg TTFT (ms)": 0.0, "Avg TPOT (ms)": -1, "Non-Stream Requests": 20}
    (run,) = read_json(tmp_path, {**given, "Stream Requests": 0})
    assert {metric for metric, _ in figures(run)} == {Metric.E2E, Metric.ITL}
    assert run.setting.streaming is False
    (run,) = read_json(tmp_path, {**given, "Stream Requests": 1})
    assert "20 of the requests did not stream" in run.notes[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({**OF_1_14, "Avg TPOT (ms)": "fast"}, "Avg TPOT"),
        ({**OF_1_14, "Failed Requests": 0.5}, "Failed Requests"),
        ([{"Percentiles": "all", "TPOT (ms)": 5}], "no percentile of a time"),
    ],
)
def test_refused(tmp_path, given, words):
    with pytest.raises(UserError, match=words):
        read_json(tmp_path, given)
