"""trtllm-bench: its JSON and what it prints."""

import pytest

from tests.serving.readers.files import figures, read_bytes, read_json
from tests.serving.readers.trtllm_bench_files import PRINTED, report, statistics
from truetpot.errors import UserError
from truetpot.serving.metrics import recompute
from truetpot.serving.records import Counting, Metric


def test_json(tmp_path):
    (run,) = read_json(tmp_path, report())
    assert (run.tool, run.variant, run.notes) == ("trtllm-bench", "json", ())
    found = figures(run)
    assert found[Metric.TPOT, "mean"] == found[Metric.TPOT, "median"] == 0.02
    assert found[Metric.TPOT, "min"] == 0.019 and found[Metric.TPOT, "p95"] == 0.021
    assert found[Metric.TTFT, "max"] == 0.11 and found[Metric.E2E, "mean"] == 2.1
    totals, setting = run.totals, run.setting
    assert (totals.duration_s, totals.completed, totals.mean_concurrency) == (10, 20, 4.2)
    assert (totals.input_tokens, totals.output_tokens) == (2000, {Counting.SERVER: 2020})
    assert (totals.requests_per_s, totals.output_tokens_per_s) == (2, 202)
    assert (setting.model, setting.tool_version) == ("Qwen/QwQ-32B", "1.2.0")
    assert (setting.weight_format, setting.kv_format) == ("bfloat16", "FP8")
    assert (setting.device, setting.devices) == ("NVIDIA H200", 2)
    assert setting.streaming is True and setting.tokens_per_step is None
    # (2.1 s - 0.1 s) / 100
    mean = recompute(run).find("tpot_token_weighted", Counting.SERVER)
    assert mean.mean == pytest.approx(0.02)


def test_without_streaming(tmp_path):
    given = report()
    del given["streaming_metrics"]
    (run,) = read_json(tmp_path, given)
    assert {metric for metric, _ in figures(run)} == {Metric.E2E}
    assert run.setting.streaming is False and "Without --streaming" in run.notes[0]


def test_speculation(tmp_path):
    lengths = {"acceptance_length_percentiles": statistics(2.5, 1.0, 4.0)}
    (run,) = read_json(tmp_path, report(decoding_stats={"mode": "MTP", **lengths}))
    assert run.setting.tokens_per_step == 2.5
    (run,) = read_bytes(tmp_path, (PRINTED + "[AL] AVERAGE: 2.50\n").encode())
    assert run.setting.tokens_per_step == 2.5


def test_printed(tmp_path):
    (run,) = read_bytes(tmp_path, PRINTED.encode())
    assert (run.variant, run.place, run.notes) == ("printed report", "", ())
    assert figures(run) == {
        (Metric.E2E, "mean"): 1093.2284 / 1e3,
        (Metric.E2E, "median"): 1091.7905 / 1e3,
        (Metric.E2E, "max"): 1137.6817 / 1e3,
        (Metric.TTFT, "mean"): 162.6706 / 1e3,
        (Metric.TTFT, "median"): 159.7857 / 1e3,
        (Metric.TPOT, "mean"): 7.3272 / 1e3,
        (Metric.TPOT, "median"): 7.6079 / 1e3,
        (Metric.TPOT, "min"): 6.6450 / 1e3,
        (Metric.TPOT, "max"): 8.1306 / 1e3,
        (Metric.TPOT, "p99"): 8.1306 / 1e3,
    }
    totals, setting = run.totals, run.setting
    assert (totals.completed, totals.output_tokens) == (100, {Counting.SERVER: 12800})
    assert totals.duration_s == pytest.approx(1.1555715) and totals.mean_concurrency == 94.6053
    assert (setting.model, setting.tool_version) == ("meta-llama/Llama-3.1-8B", "1.2.0")
    assert (setting.weight_format, setting.kv_format, setting.devices) == ("FP8", "FP8", 1)
    # (1093.2284 ms - 162.6706 ms) / 127 = 7.3272 ms: the published means are one another's.
    mean = recompute(run).find("tpot_token_weighted", Counting.SERVER).mean
    assert round(mean * 1e3, 4) == 7.3272


def test_several_reports(tmp_path):
    overview = PRINTED[PRINTED.index("= PERFORMANCE") :]
    slower = overview.replace("7.3272", "9.5000").replace("1155.5715", "2000.0")
    content = PRINTED + slower
    lines = content.splitlines()
    places = [f"line {i}" for i, text in enumerate(lines, 1) if text == "= PERFORMANCE OVERVIEW"]
    first, second = read_bytes(tmp_path, content.encode())
    assert [first.place, second.place] == places
    assert first.figure(Metric.TPOT, "mean") == 7.3272 / 1e3
    assert second.figure(Metric.TPOT, "mean") == 9.5 / 1e3
    assert (first.totals.duration_s, second.totals.duration_s) == (1.1555715, 2)


def test_cut_off(tmp_path):
    content = PRINTED[: PRINTED.index("Average request latency")]
    with pytest.raises(UserError, match="no time below it"):
        read_bytes(tmp_path, content.encode())


def test_what_is_no_number_is_left_out(tmp_path):
    (run,) = read_bytes(tmp_path, PRINTED.replace("7.3272", "fast").encode())
    assert (Metric.TPOT, "mean") not in figures(run)
