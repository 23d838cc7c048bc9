import json
import tracemalloc

import numpy as np
import pytest

from tests.serving.readers.aiperf_files import (
    aiperf_lines,
    aiperf_of_2025,
    aiperf_record,
    aiperf_summary,
)
from tests.serving.readers.files import lines, read_bytes, read_json
from truetpot.errors import UserError
from truetpot.serving.readers import read
from truetpot.serving.records import Counting, Metric


def test_records(tmp_path):
    (run,) = read_bytes(tmp_path, aiperf_lines())
    requests = run.requests
    assert (run.tool, run.variant) == ("aiperf", "records")
    assert requests.counting is Counting.RETOKENISED
    assert requests.prompt_tokens.tolist() == [550, 551]
    assert requests.tokens.tolist() == [9, -1]
    assert requests.output_tokens[Counting.SERVER].tolist() == [11, -1]
    np.testing.assert_array_equal(requests.ttft_s, [255.886568 / 1e3, np.nan])
    np.testing.assert_array_equal(requests.latency_s, [297.525228 / 1e3, np.nan])
    np.testing.assert_array_equal(requests.start_s, [0, 0.1])
    np.testing.assert_array_equal(
        requests.gaps.seconds, np.array([4.898437, 5.316006, 31.424217]) / 1e3
    )
    assert requests.gaps.offsets.tolist() == [0, 3, 3]
    assert requests.ok.tolist() == [True, False]
    assert requests.errors == {"499 was cancelled": 1}
    assert (run.totals.attempted, run.totals.completed, run.totals.failed) == (2, 1, 1)


def test_tool_agrees_with_itself(tmp_path):
    """The file's own inter_token_latency is the formula of its definition over our columns."""
    (run,) = read_bytes(tmp_path, aiperf_lines())
    requests = run.requests
    reported = json.loads(aiperf_lines().split(b"\n")[0])["metrics"]["inter_token_latency"]["value"]
    tpot = (requests.latency_s - requests.ttft_s) / (requests.tokens - 1)
    assert tpot[0] * 1e3 == pytest.approx(reported, rel=1e-12)
    assert run.definitions[Metric.TPOT].canonical == "tpot_per_request"


@pytest.mark.parametrize(
    ("unit", "scale"),
    [("ns", 1e9), ("us", 1e6), ("ms", 1e3), ("s", 1), ("sec", 1), ("milliseconds", 1e3)],
)
def test_units_are_obeyed(tmp_path, unit, scale):
    record = aiperf_record(request_latency=(30.5, unit), inter_chunk_latency=([1.5, 2.5], unit))
    (run,) = read_bytes(tmp_path, lines(record))
    assert run.requests.latency_s[0] == 30.5 / scale
    assert run.requests.gaps.seconds.tolist() == [1.5 / scale, 2.5 / scale]
    (run,) = read_json(
        tmp_path, aiperf_summary(request_latency={"unit": unit, "avg": 30.5, "p99": 40})
    )
    assert run.figure(Metric.E2E, "mean") == 30.5 / scale
    assert run.figure(Metric.E2E, "p99") == 40 / scale


@pytest.mark.parametrize("unit", ["minutes", "tokens", "", "MS", 5, None])
def test_unknown_unit(tmp_path, unit):
    record = aiperf_record(request_latency=(30.5, unit))
    with pytest.raises(UserError, match="request_latency"):
        read_bytes(tmp_path, lines(aiperf_record(), record))
    with pytest.raises(UserError, match="request_latency"):
        read_json(tmp_path, aiperf_summary(request_latency={"unit": unit, "avg": 30.5}))


def test_error_names_the_line(tmp_path):
    good, bad = aiperf_record(), aiperf_record(output_sequence_length=("nine", "tokens"))
    with pytest.raises(UserError, match=r"line 3.*output_sequence_length"):
        read_bytes(tmp_path, lines(good, good, bad))


def test_odd_values_are_kept(tmp_path):
    text = lines(
        aiperf_record(time_to_first_token=(-3.5, "ms"), request_latency=(0, "ms")),
        aiperf_record(inter_chunk_latency=([1, None, 2.5], "ms"), output_sequence_length=(0, "t")),
    ).replace(b"[1, null", b"[NaN, null")
    (run,) = read_bytes(tmp_path, text)
    assert run.requests.ttft_s[0] == -0.0035
    assert run.requests.latency_s[0] == 0
    assert np.isnan(run.requests.latency_s[1])
    np.testing.assert_array_equal(run.requests.gaps.seconds, [np.nan, np.nan, 0.0025])
    assert run.requests.tokens.tolist() == [-1, 0]


def test_warm_up_is_left_out(tmp_path):
    (run,) = read_bytes(tmp_path, lines(aiperf_record(phase="warmup"), aiperf_record()))
    assert len(run.requests) == 1
    assert run.notes == ("1 warm-up requests are left out.",)
    with pytest.raises(UserError, match="warm-up"):
        read_bytes(tmp_path, lines(aiperf_record(phase="warmup")))


def test_summary(tmp_path):
    given = aiperf_summary()
    (run,) = read_json(tmp_path, given)
    names = {
        Metric.TTFT: "time_to_first_token",
        Metric.TPOT: "inter_token_latency",
        Metric.ITL: "inter_chunk_latency",
        Metric.E2E: "request_latency",
    }
    statistics = {"avg": "mean", "p50": "median"}
    expected = {
        (metric, statistics.get(key, key), value / 1e3, f"{name}.{key}")
        for metric, name in names.items()
        for key, value in given[name].items()
        if key != "unit"
    }
    assert {(f.metric, f.statistic, f.value, f.key) for f in run.figures} == expected
    totals, setting = run.totals, run.setting
    assert (totals.duration_s, totals.completed, totals.failed) == (12.5, 20, 1)
    assert (totals.input_tokens, totals.output_tokens) == (10000, {Counting.RETOKENISED: 2000})
    assert (totals.requests_per_s, totals.output_tokens_per_s) == (1.6, 160)
    assert (totals.total_tokens_per_s, totals.mean_concurrency) == (960, 3.9)
    assert (setting.model, setting.tokenizer) == ("qwq-32b", "Qwen/QwQ-32B")
    assert (setting.request_rate, setting.max_concurrency) == (None, 4)
    assert (setting.input_tokens, setting.output_tokens, setting.streaming) == (500, 100, True)
    assert setting.date == given["start_time"]


def test_summary_with_server_counts(tmp_path):
    given = aiperf_summary(total_usage_completion_tokens={"unit": "tokens", "avg": 2100})
    (run,) = read_json(tmp_path, given)
    assert run.totals.output_tokens == {Counting.RETOKENISED: 2000, Counting.SERVER: 2100}
    given["input_config"]["endpoint"]["use_server_token_count"] = True
    del given["total_usage_completion_tokens"]
    (run,) = read_json(tmp_path, given)
    assert run.definitions[Metric.TPOT].counting is Counting.SERVER
    assert run.totals.output_tokens == {Counting.SERVER: 2000}


def test_summary_of_2025(tmp_path):
    (run,) = read_json(tmp_path, aiperf_of_2025())
    assert run.figure(Metric.TTFT, "mean") == 0.1955
    assert run.totals.output_tokens == {Counting.RETOKENISED: 100 * 20}
    assert run.totals.input_tokens == 500 * 20


def test_null_statistic(tmp_path):
    (run,) = read_json(
        tmp_path, aiperf_summary(request_latency={"unit": "ms", "avg": None, "p99": 2})
    )
    assert np.isnan(run.figure(Metric.E2E, "mean"))
    assert run.figure(Metric.E2E, "std") is None


def test_memory_stays_near_the_arrays(tmp_path):
    rng = np.random.default_rng(0)
    gaps = [rng.uniform(10, 40, 1000).round(6).tolist() for _ in range(20)]
    path, requests = tmp_path / "large.jsonl", 1500
    with path.open("wb") as file:
        for i in range(requests):
            file.write(lines(aiperf_record(inter_chunk_latency=(gaps[i % 20], "ms"))))
    read(path)  # Compiles.
    tracemalloc.start()
    (run,) = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    seconds = run.requests.gaps.seconds
    assert len(seconds) == 1000 * requests
    assert seconds.sum() == pytest.approx(sum(map(sum, gaps)) / 20 * requests / 1e3, rel=1e-12)
    # the file itself is held: one that is mapped and cut off meanwhile ends the process
    assert peak - path.stat().st_size < 1.5 * seconds.nbytes + (4 << 20)


WARM_UP = {"name": "warmup", "exclude_from_results": True, "requests": 1, "concurrency": 1}
PROFILING = {"name": "profiling", "requests": 500, "concurrency": 11, "rate": 2.5}


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ([WARM_UP, PROFILING], (11, 2.5)),
        ([PROFILING, WARM_UP], (11, 2.5)),
        ([{**WARM_UP, "exclude_from_results": None}, PROFILING], (11, 2.5)),
        ([{"name": "first", "kind": "warmup", "concurrency": 1}, PROFILING], (11, 2.5)),
        ([PROFILING, {**PROFILING, "name": "again", "kind": "profiling"}], (11, 2.5)),
        ([PROFILING, {**PROFILING, "name": "more", "concurrency": 22}], (None, 2.5)),
        ({"warmup": {"concurrency": 1}, "profiling": {"concurrency": 11, "rate": 2.5}}, (11, 2.5)),
        ([WARM_UP], (None, None)),
        ([], (None, None)),
        ("profiling", (None, None)),
    ],
)
def test_a_phase_is_taken_by_its_role(tmp_path, phases, expected):
    given = aiperf_summary()
    given["input_config"] = {"phases": phases}
    (run,) = read_json(tmp_path, given)
    assert (run.setting.max_concurrency, run.setting.request_rate) == expected
    assert run.setting.tool_version == "0.5.0"


def test_a_prompt_length_that_is_not_there_is_unknown(tmp_path):
    given = aiperf_summary()
    del given["input_sequence_length"], given["total_isl"]
    (run,) = read_json(tmp_path, given)
    assert run.totals.input_tokens is None
