"""SGLang's result lines, with details and without."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.serving.readers.sglang_files import SEEDS, details, dumped, line
from truetpot.serving.records import Counting, Metric, Run

Runs = Callable[[bytes], list[Run]]


def test_all_that_a_line_says(runs: Runs) -> None:
    (run,) = runs(dumped(line()))
    assert (run.tool, run.variant, run.place) == ("sglang", "jsonl, sglang", "")
    assert run.requests is None and run.notes == ()
    totals = run.totals
    assert (totals.duration_s, totals.completed, totals.attempted) == (2.5, 2, None)
    assert totals.output_tokens == {Counting.SERVER: 7, Counting.RETOKENISED: 5}
    assert totals.input_tokens == 2048 and totals.total_tokens_per_s == 822.0
    assert totals.requests_per_s == 0.8 and totals.output_tokens_per_s == 2.8
    assert totals.peak_output_tokens_per_s == 5.0 and totals.mean_concurrency == 1.5
    setting = run.setting
    assert (setting.model, setting.tokenizer, setting.weight_format) == ("Qwen/QwQ-32B", "Q", "fp8")
    assert setting.request_rate == math.inf and setting.max_concurrency == 4
    assert (setting.input_tokens, setting.output_tokens) == (1024, 128)
    assert setting.tokens_per_step is None
    expected = {Metric.E2E: 900, Metric.TTFT: 120, Metric.TPOT: 30.5, Metric.ITL: 30.1}
    for metric, milliseconds in expected.items():
        for statistic in ("mean", "median", "std", "p90", "p95", "p99"):
            assert run.figure(metric, statistic) == milliseconds / 1000
    assert len(run.figures) == 24 and {f.metric for f in run.figures} <= run.definitions.keys()


def test_details(runs: Runs) -> None:
    (run,) = runs(dumped(line(**details())))
    rows = run.requests
    assert rows is not None and run.variant == "jsonl with details, sglang"
    assert run.totals.attempted == 3
    assert rows.tokens.tolist() == [4, 3, 0] and rows.counting is Counting.SERVER
    assert rows.ok.tolist() == [True, True, False] and rows.errors == {"Traceback: gone": 1}
    assert rows.latency_from_gaps and rows.gap_unit_is_token
    np.testing.assert_array_equal(
        rows.latency_s, [0.25 + 0.03 + 0.031 + 0.029, 0.5 + 0.04 + 0.041, math.nan]
    )
    assert rows.text_chars is not None and rows.text_chars.tolist() == [5, 1, 0]


@pytest.mark.parametrize(
    ("backend", "counting", "itl"),
    [
        ("sglang", Counting.SERVER, "itl_per_token"),
        ("sglang-native", Counting.SERVER, "itl_per_token"),
        ("sglang-oai", Counting.UNSTATED, "itl_per_chunk"),
        ("vllm", Counting.UNSTATED, "itl_per_chunk"),
        ("trt", Counting.REQUESTED, "itl_per_chunk"),
        ("gserver", Counting.REQUESTED, "itl_per_chunk"),
        (None, Counting.UNSTATED, "itl_per_chunk"),
    ],
)
def test_counting_by_backend(backend: str | None, counting: Counting, itl: str, runs: Runs) -> None:
    (run,) = runs(dumped(line(backend=backend, **details())))
    assert run.totals.output_tokens == {counting: 7, Counting.RETOKENISED: 5}
    assert run.requests is not None and run.requests.counting is counting
    assert run.definitions[Metric.ITL].canonical == itl
    assert run.definitions[Metric.TPOT].counting is counting
    assert bool(run.notes) == (counting is Counting.UNSTATED)
    assert run.requests.gap_unit_is_token == (counting is Counting.SERVER)


@pytest.mark.parametrize(
    ("gaps", "is_token"),
    [
        ([[0.1] * 9, [0.1] * 7], True),  # a gap for every token after the first
        ([[0.1] * 8, [0.1] * 6], True),  # two tokens in every chunk, and the gaps divided
        ([[0.1] * 4, [0.1] * 3], False),  # two tokens in every chunk, gaps as they came
        ([[], []], False),
    ],
)
def test_whether_gaps_are_divided(gaps: list[list[float]], is_token: bool, runs: Runs) -> None:
    rows = {"output_lens": [10, 8], "ttfts": [0.1, 0.1], "itls": gaps}
    (run,) = runs(dumped(line(**rows)))
    assert run.requests is not None and run.requests.gap_unit_is_token is is_token


@pytest.mark.parametrize(
    ("change", "lengths"),
    [
        ({"random_range_ratio": 0.0}, (None, None)),
        ({"random_range_ratio": 1}, (1024, 128)),
        ({"dataset_name": "random-ids"}, (1024, 128)),
        ({"dataset_name": "sharegpt"}, (None, None)),
        ({"dataset_name": "sharegpt", "sharegpt_output_len": 256}, (None, 256)),
        ({"dataset_name": None}, (None, None)),
    ],
)
def test_lengths_asked_for(
    change: dict[str, Any], lengths: tuple[int | None, int | None], runs: Runs
) -> None:
    (run,) = runs(dumped(line(**change)))
    assert (run.setting.input_tokens, run.setting.output_tokens) == lengths


def test_speculation_and_traces(runs: Runs) -> None:
    (run,) = runs(dumped(line(accept_length=2.75, request_rate="trace", server_info=None)))
    assert run.setting.tokens_per_step == 2.75
    assert run.setting.request_rate is None and run.setting.model is None


def test_a_cache_report(runs: Runs) -> None:
    (run,) = runs(dumped(line(cache_report={"total_cached_tokens": 1500})))
    assert run.totals.cached_tokens == 1500
    assert runs(dumped(line(cache_report=None)))[0].totals.cached_tokens is None


def test_several_lines(runs: Runs, refusal: Callable[[bytes], str]) -> None:
    found = runs(SEEDS["lines"] + b"\n" + dumped(line(backend="trt")))
    assert [run.place for run in found] == ["line 1", "line 2", "line 4"]
    assert [run.requests is None for run in found] == [True, False, True]
    assert '"line 3"' in refusal(SEEDS["lines"] + b'{"a": 1}\n')
    unequal = details(ttfts=[0.1])
    assert "line 2" in refusal(dumped(line(), line(**unequal)))


def test_means_of_nothing_are_nan(runs: Runs) -> None:
    (run,) = runs(dumped(line(mean_e2e_latency_ms=math.nan, completed=0)))
    value = run.figure(Metric.E2E, "mean")
    assert value is not None and math.isnan(value)


def test_truncation_anywhere(refusal: Callable[[bytes], str]) -> None:
    content = SEEDS["details"].rstrip()
    for end in range(1, len(content)):
        assert refusal(content[:end])


def test_what_the_server_says_of_itself(runs: Runs) -> None:
    server = {"version": "0.5.3", "tp_size": 4, "stream_interval": 8, "kv_cache_dtype": "fp8_e5m2"}
    (run,) = runs(dumped(line(server_info=server, random_range_ratio=0.0)))
    setting = run.setting
    assert (setting.tool_version, setting.devices) == ("0.5.3", 4)
    assert (setting.tokens_per_chunk, setting.kv_format) == (8, "fp8_e5m2")
    assert setting.range_ratio == 0 and setting.output_tokens is None
    (run,) = runs(dumped(line(server_info={"kv_cache_dtype": "auto"})))
    assert run.setting.kv_format is None and run.setting.tool_version is None
    assert run.setting.range_ratio == 1 and run.setting.output_tokens == 128
