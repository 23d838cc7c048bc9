import json
import math

import numpy as np
import pytest

from tests.real_files import real_file
from tests.serving.readers.files import figures, read_json
from tests.serving.readers.guidellm_files import (
    guidellm_report,
    guidellm_report_of_0_3,
    guidellm_request,
    guidellm_request_of_0_3,
)
from truetpot.errors import UserError
from truetpot.serving.readers import read
from truetpot.serving.records import Counting, Metric

KEYS = {
    "time_to_first_token_ms": (Metric.TTFT, 1e3),
    "time_per_output_token_ms": (Metric.TPOT, 1e3),
    "inter_token_latency_ms": (Metric.ITL, 1e3),
    "request_latency": (Metric.E2E, 1),
}
NAMES = {"std_dev": "std", "p001": "p0.1", "p01": "p1", "p05": "p5", "p999": "p99.9"}


def test_real_report():
    path = real_file("guidellm_v2_report.json")
    given = json.loads(path.read_text())
    runs = read(path)
    assert [run.place for run in runs] == ["benchmarks[0]", "benchmarks[1]"]
    for run, benchmark in zip(runs, given["benchmarks"], strict=True):
        metrics = benchmark["metrics"]
        expected = {}
        for key, (metric, per_second) in KEYS.items():
            table = dict(metrics[key]["successful"])
            values = {**table.pop("percentiles"), **table}
            for name in ("mode", "variance", "count", "total_sum", "pdf"):
                del values[name]
            for name, value in values.items():
                expected[metric, NAMES.get(name, name)] = value / per_second
        assert figures(run) == expected
        totals = run.totals
        assert totals.duration_s == benchmark["duration"]
        assert totals.attempted == metrics["request_totals"]["total"]
        assert totals.completed == metrics["request_totals"]["successful"]
        assert totals.failed == metrics["request_totals"]["errored"]
        sums = {key: metrics[key]["successful"]["total_sum"] for key in metrics if "count" in key}
        assert totals.input_tokens == sums["prompt_token_count"]
        assert totals.output_tokens == {Counting.SERVER: sums["output_token_count"]}
        rates = {key: metrics[key]["successful"]["mean"] for key in metrics if "second" in key}
        assert totals.requests_per_s == rates["requests_per_second"]
        assert totals.output_tokens_per_s == rates["output_tokens_per_second"]
        assert totals.total_tokens_per_s == rates["tokens_per_second"]
        assert totals.mean_concurrency == metrics["request_concurrency"]["total"]["mean"]
        assert run.setting.model == "e2e-mock-model"
        assert run.setting.request_rate == benchmark["config"]["strategy"]["rate"]
        assert (run.setting.input_tokens, run.setting.output_tokens) == (None, 8)
        assert run.setting.date.startswith("2026-08-14")
        assert run.requests is None


def test_definitions_hold_in_the_real_report():
    """TPOT is (TTFT + the rest)/n, ITL is the rest/(n - 1): 8 tokens a request in this file."""
    for run in read(real_file("guidellm_v2_report.json")):
        ttft, tpot, itl = (run.figure(m, "mean") for m in (Metric.TTFT, Metric.TPOT, Metric.ITL))
        assert tpot * 8 == pytest.approx(ttft + itl * 7, rel=1e-9)
        assert run.definitions[Metric.TPOT].canonical == "tpot_with_first"
        assert run.definitions[Metric.ITL].canonical == "tpot_token_weighted"


def test_requests(tmp_path):
    failed = guidellm_request(output=None, output_tokens=None, time_to_first_token_ms=None)
    failed["info"] = {"status": "errored", "error": "timed out", "timings": {}}
    (run,) = read_json(tmp_path, guidellm_report([guidellm_request()], [failed]))
    requests = run.requests
    assert requests.tokens.tolist() == [9, -1]
    assert requests.output_tokens[Counting.CHUNKS].tolist() == [5, -1]
    assert requests.ttft_s[0] == 0.5
    # To the last token, as in the tool's per-token figures, not to the end of the response.
    assert requests.latency_s.tolist() == [2.5, 2.75]
    assert requests.ok.tolist() == [True, False]
    assert requests.errors == {"timed out": 1}
    assert requests.text_chars.tolist() == [10, -1]
    assert run.setting.max_concurrency == 4


def test_old_report_without_metadata(tmp_path):
    given = guidellm_report()
    del given["metadata"]
    (run,) = read_json(tmp_path, given)
    assert run.variant == "report"


def test_silent_zero_is_kept(tmp_path):
    """guidellm writes 0.0 for what no request had."""
    given = guidellm_report()
    given["benchmarks"][0]["metrics"]["inter_token_latency_ms"] = {"successful": {"mean": 0.0}}
    given["benchmarks"][0]["metrics"]["request_latency"] = {"successful": {"mean": None}}
    (run,) = read_json(tmp_path, given)
    assert run.figure(Metric.ITL, "mean") == 0
    assert math.isnan(run.figure(Metric.E2E, "mean"))


def test_messages_of_several_tokens(tmp_path):
    given = guidellm_report()
    given["benchmarks"][0]["metrics"]["iter_tokens_per_iteration"] = {"successful": {"mean": 2.5}}
    (run,) = read_json(tmp_path, given)
    assert run.notes == ("2.5 output tokens a message on average.",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metrics": None}, "metrics"),
        ({"metrics": {"request_latency": {"successful": 5}}}, "request_latency"),
        ({"duration": "long"}, "duration"),
        ({"requests": {"successful": [5]}}, "object"),
        ({"requests": {"successful": 5}}, "list"),
    ],
)
def test_broken(tmp_path, change, words):
    given = guidellm_report()
    given["benchmarks"][0].update(change)
    with pytest.raises(UserError, match=words):
        read_json(tmp_path, given)


def test_no_benchmark(tmp_path):
    with pytest.raises(UserError, match="no benchmark"):
        read_json(tmp_path, {**guidellm_report(), "benchmarks": []})


def test_weird_dates_do_no_harm(tmp_path):
    for began in (1e300, -5, math.nan, math.inf, "then"):
        given = guidellm_report()
        given["benchmarks"][0]["start_time"] = began
        assert read_json(tmp_path, given)[0].setting.date is None


def test_rows_agree_with_the_tool(tmp_path):
    """(latency - ttft)/(n - 1) of our columns is the tool's inter_token_latency_ms."""
    (run,) = read_json(tmp_path, guidellm_report([guidellm_request()]))
    requests, timings = run.requests, guidellm_request()["info"]["timings"]
    itl = (timings["last_token_iteration"] - timings["first_token_iteration"]) / (9 - 1)
    ours = (requests.latency_s - requests.ttft_s) / (requests.tokens - 1)
    np.testing.assert_allclose(ours, itl, rtol=1e-12)


def test_a_sum_of_counts_may_be_off_by_rounding(tmp_path):
    """guidellm sums counts as floats."""
    given = guidellm_report()
    metrics = given["benchmarks"][0]["metrics"]
    metrics["prompt_token_count"] = {"successful": {"total_sum": 399.99999999999994}}
    (run,) = read_json(tmp_path, given)
    assert run.totals.input_tokens == 400
    metrics["prompt_token_count"] = {"successful": {"total_sum": 399.9}}
    with pytest.raises(UserError, match=r"399\.9, where a whole number"):
        read_json(tmp_path, given)


def test_report_of_0_3(tmp_path):
    failed = guidellm_request_of_0_3(
        type_="generative_text_error", error="timed out", output=None, first_token_time=None,
        last_token_time=None, time_to_first_token_ms=None,
    )  # fmt: skip
    (run,) = read_json(tmp_path, guidellm_report_of_0_3([guidellm_request_of_0_3()], [failed]))
    assert run.variant == "report, <= 0.3"
    assert (run.totals.attempted, run.totals.completed, run.totals.failed) == (3, 2, 1)
    rows, setting = run.requests, run.setting
    assert rows.tokens.tolist() == [9, 9] and rows.prompt_tokens.tolist() == [32, 32]
    np.testing.assert_array_equal(rows.ttft_s, [0.5, math.nan])
    assert rows.latency_s.tolist() == [2.5, 2.75]
    assert rows.start_s.tolist() == [1000.25, 1000.25]
    assert rows.ok.tolist() == [True, False] and rows.errors == {"timed out": 1}
    assert setting.model == setting.tokenizer == "Qwen/QwQ-32B"
    assert (setting.request_rate, setting.max_concurrency) == (2.5, 8)
    assert (setting.input_tokens, setting.output_tokens) == (None, 9)
    # (1002.75 - 1000.75) s / 9: neither with the first token nor over n - 1 intervals.
    assert run.definitions[Metric.TPOT].canonical == ""
    assert run.definitions[Metric.ITL].canonical == "tpot_token_weighted"


@pytest.mark.parametrize(
    "data",
    ["prompt_tokens=32,output_tokens=9", "{'prompt_tokens': 32, 'output_tokens': 9}"],
)
def test_lengths_of_0_5(tmp_path, data):
    given = {**guidellm_report(), "args": {"data": [data], "model": "m", "processor": "p"}}
    del given["config"]
    (run,) = read_json(tmp_path, given)
    assert (run.setting.input_tokens, run.setting.output_tokens) == (32, 9)
    assert (run.setting.tokenizer, run.setting.tool_version) == ("p", "0.8.0")


def between(began, ended):
    """A request of that time."""
    given = guidellm_request()
    given["info"]["timings"] = {"request_start": began, "request_end": ended}
    return given


WARM_UP, TOUCHES, FIRST, SECOND, COOL_DOWN = (0, 9), (9, 10), (9.5, 12), (12, 20), (20.5, 21)


@pytest.mark.parametrize(
    ("successful", "starts"), [(2, [9.5, 12]), (3, [9, 9.5, 12]), (99, [9, 9.5, 12])]
)
def test_requests_outside_of_the_measured_window(tmp_path, successful, starts):
    """The window is 10 to 20 s. Whether the request that ends at 10 s is in it, the count says."""
    times = (WARM_UP, TOUCHES, FIRST, SECOND, COOL_DOWN)
    given = guidellm_report([between(*t) for t in times], [between(30, 31)])
    benchmark = given["benchmarks"][0]
    benchmark["scheduler_metrics"] = {"measure_start_time": 10, "measure_end_time": 20}
    benchmark["metrics"]["request_totals"]["successful"] = successful
    (run,) = read_json(tmp_path, given)
    assert run.requests.start_s.tolist() == starts
    assert f"{6 - len(starts)} requests outside of the measured window" in run.notes[-1]
    del benchmark["scheduler_metrics"]
    (run,) = read_json(tmp_path, given)
    assert len(run.requests) == 6 and run.notes == ()


def test_a_prompt_that_was_not_counted(tmp_path):
    """guidellm sums a missing count as 0.0."""
    given = guidellm_report([guidellm_request(prompt_tokens=None)])
    given["benchmarks"][0]["metrics"]["prompt_token_count"] = {"successful": {"total_sum": 0.0}}
    (run,) = read_json(tmp_path, given)
    assert run.totals.input_tokens is None and run.requests.prompt_tokens.tolist() == [-1]


def test_the_time_in_which_nothing_is_under_way(tmp_path):
    """By the percentiles of the requests under way, which are weighted by time."""
    given = guidellm_report([guidellm_request()])
    (run,) = read_json(tmp_path, given)
    assert run.totals.idle_share is None
    assert run.requests.began_s == 1000.0
    places = {"p001": 0.0, "p25": 0.0, "p50": 2.0}
    metrics = given["benchmarks"][0]["metrics"]
    under_way = {"mean": 1.5, "median": 2.0, "min": 0.0, "max": 4.0, "percentiles": places}
    metrics["request_concurrency"] = {"total": under_way}
    (run,) = read_json(tmp_path, given)
    assert run.totals.idle_share == 0.25
