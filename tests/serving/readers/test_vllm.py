"""vLLM's result files, with the keys of every age."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.real_files import real_file
from tests.serving.readers.vllm_files import (
    LATENCY,
    SEEDS,
    THROUGHPUT,
    around_0_6_6,
    details,
    dumped,
    in_2024,
    in_2025,
    in_2026,
    sidecar,
    sweep_csv,
    swept,
    without_details,
)
from tests.serving.readers.vllm_table_files import NEW, table
from truetpot.errors import UserError
from truetpot.serving.records import UNKNOWN, Counting, Metric, Run

Runs = Callable[[bytes], list[Run]]
ON_ONE_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def only(found: list[Run]) -> Run:
    assert len(found) == 1
    return found[0]


def test_all_that_a_file_of_2026_says(runs: Runs) -> None:
    run = only(runs(dumped(in_2026())))
    assert (run.tool, run.variant, run.place) == ("vllm", "save-detailed, >= 0.7", "")
    assert run.notes == ()
    totals = run.totals
    assert (totals.duration_s, totals.attempted, totals.completed, totals.failed) == (2.5, 3, 2, 1)
    assert totals.input_tokens == 2048 and totals.output_tokens == {Counting.SERVER: 7}
    assert totals.requests_per_s == 0.8 and totals.output_tokens_per_s == 2.8
    assert totals.total_tokens_per_s == 822.0 and totals.peak_output_tokens_per_s == 5.0
    setting = run.setting
    assert setting.model == setting.tokenizer == "Qwen/QwQ-32B"
    assert setting.request_rate == math.inf and setting.max_concurrency == 2
    assert setting.date == "20250716-101500" and setting.tokens_per_step == 2.4
    rows = run.requests
    assert rows is not None and len(rows) == 3
    assert rows.counting is Counting.SERVER and rows.tokens.tolist() == [4, 3, 0]
    assert rows.prompt_tokens.tolist() == [1024] * 3
    assert rows.ttft_s.tolist() == [0.25, 0.5, 0.0]
    assert rows.latency_s.tolist() == [0.3402345678901234, 0.581, 0.0]
    assert not rows.latency_from_gaps and not rows.gap_unit_is_token
    assert rows.start_s is not None and rows.start_s.tolist() == [
        353399.725848632,
        353399.8,
        353400,
    ]
    assert rows.queue_s is not None and rows.queue_s.tolist() == [0.0, 0.1, 0.2]
    assert rows.gaps is not None and rows.gaps.counts().tolist() == [3, 2, 0]
    assert rows.gaps.seconds.tolist() == [0.03, 0.0312345678901234, 0.029, 0.04, 0.041]
    assert rows.ok.tolist() == [True, True, False] and rows.errors == {"Bad Gateway": 1}


def test_every_figure_in_seconds(runs: Runs) -> None:
    written = in_2026()
    run = only(runs(dumped(written)))
    metrics = {"ttft": Metric.TTFT, "tpot": Metric.TPOT, "itl": Metric.ITL, "e2el": Metric.E2E}
    expected = {
        (metric, statistic, f"{statistic}_{name}_ms"): written[f"{statistic}_{name}_ms"] / 1000
        for name, metric in {**metrics, "client_queue_time": Metric.QUEUE}.items()
        for statistic in ("mean", "median", "std", "p99", "p99.9")
        if f"{statistic}_{name}_ms" in written
    }
    assert {(f.metric, f.statistic, f.key): f.value for f in run.figures} == expected
    assert {figure.unit for figure in run.figures} == {"ms"}
    assert len(run.figures) == 17
    assert {figure.metric for figure in run.figures} <= run.definitions.keys()
    assert run.figure(Metric.TPOT, "p99.9") == 0.0305
    assert run.figure(Metric.E2E, "p99") is None


AGES = [
    (in_2024(), "<= 0.6.6", Counting.RETOKENISED),
    (around_0_6_6(date="20250121-235959"), "<= 0.6.6", Counting.RETOKENISED),
    (around_0_6_6(date="20250122-000000"), "age unknown", Counting.UNSTATED),
    (around_0_6_6(date="2025-01-10"), "age unknown", Counting.UNSTATED),
    (around_0_6_6(date=None), "age unknown", Counting.UNSTATED),
    (around_0_6_6(start_times=[1, 2, 3]), ">= 0.7", Counting.SERVER),
    (in_2025(), ">= 0.7", Counting.SERVER),
    (in_2026(), ">= 0.7", Counting.SERVER),
    (
        {"duration": 1.0, "completed": 1, "total_input_tokens": 9, "total_output_tokens": 5},
        "age unknown",
        Counting.UNSTATED,
    ),
]


@pytest.mark.parametrize(("result", "age", "counting"), AGES)
def test_age_by_the_keys(result: dict[str, Any], age: str, counting: Counting, runs: Runs) -> None:
    run = only(runs(dumped(result)))
    assert run.variant.endswith(f", {age}")
    assert list(run.totals.output_tokens) == [counting]
    assert run.requests is None or run.requests.counting is counting
    assert run.definitions[Metric.TPOT].counting is counting
    assert bool(run.notes) == (age != ">= 0.7")
    ends = {"<= 0.6.6": "[DONE]", ">= 0.7": "last token"}
    assert run.definitions[Metric.TPOT].ends.startswith(ends.get(age, "last token, or [DONE]"))


def test_without_details(runs: Runs) -> None:
    run = only(runs(dumped(without_details(in_2026()))))
    assert run.requests is None and run.variant.startswith("save-result")
    assert run.figure(Metric.TPOT, "mean") == 0.0305


def test_a_real_file(runs: Runs) -> None:
    """Saved by a client whose age its keys leave open: ``request_goodput:`` and no E2EL."""
    run = only(runs(real_file("vllm_glm47_conc16.json").read_bytes()))
    assert (run.tool, run.variant, run.requests) == ("vllm", "save-result, age unknown", None)
    assert run.figure(Metric.TPOT, "mean") == pytest.approx(0.08094105414421823)
    assert run.figure(Metric.TTFT, "p99") == pytest.approx(1.6112285128283838)
    totals, setting = run.totals, run.setting
    assert (totals.attempted, totals.completed, totals.input_tokens) == (160, 160, 163840)
    assert totals.output_tokens == {Counting.UNSTATED: 117008}
    assert (setting.model, setting.max_concurrency) == ("zai-org/GLM-4.7", 16)
    assert setting.request_rate == math.inf
    assert totals.output_tokens_per_s == pytest.approx(117008 / 627.4708737100009)


def test_a_client_that_left_two_lists_behind(runs: Runs) -> None:
    """Some clients of 2026 drop the other lists without ``--save-detailed``, but not these."""
    left = {**without_details(in_2026()), "latencies": [1.0, 2.0], "queue_times": [0.0, 0.0]}
    rows = only(runs(dumped(left))).requests
    assert rows is not None and rows.latency_s.tolist() == [1.0, 2.0]
    assert rows.tokens.tolist() == rows.prompt_tokens.tolist() == [UNKNOWN, UNKNOWN]
    assert np.isnan(rows.ttft_s).all() and rows.ok.all() and rows.gaps is None


def test_latency_from_gaps(runs: Runs) -> None:
    rows = only(runs(dumped(in_2025()))).requests
    assert rows is not None and rows.latency_from_gaps
    # The failed request: no chunk came, and no time is known.
    expected = [0.25 + 0.03 + 0.0312345678901234 + 0.029, 0.5 + 0.04 + 0.041, math.nan]
    np.testing.assert_array_equal(rows.latency_s, expected)


def test_no_latency_without_gaps(runs: Runs) -> None:
    result = in_2025()
    del result["itls"]
    rows = only(runs(dumped(result))).requests
    assert rows is not None and not rows.latency_from_gaps and np.isnan(rows.latency_s).all()


def test_gaps_stay_as_they_are(runs: Runs) -> None:
    """n gaps instead of n - 1, negative, NaN, null, infinite: to be found, not to be mended."""
    gaps = [[0.25, 0.03, 0.031, 0.029], [-0.1, None, math.nan, math.inf], None]
    rows = only(runs(dumped(in_2025(itls=gaps)))).requests
    assert rows is not None and rows.gaps is not None
    assert rows.gaps.offsets.tolist() == [0, 4, 8, 8]
    np.testing.assert_array_equal(
        rows.gaps.seconds, [0.25, 0.03, 0.031, 0.029, -0.1, math.nan, math.nan, math.inf]
    )
    assert math.isnan(rows.latency_s[1])


def test_failed_is_an_error_without_output(runs: Runs) -> None:
    lists = {"output_lens": [0, 0, 5, 5], "errors": ["gone", "", "gone", ""]}
    rows = only(runs(dumped(without_details(in_2025()) | lists))).requests
    assert rows is not None and rows.ok.tolist() == [False, True, True, True]
    assert rows.errors == {"gone": 2}


def test_without_errors_nothing_says_failed(runs: Runs) -> None:
    rows = only(runs(dumped(without_details(in_2025()) | {"output_lens": [0, 4]}))).requests
    assert rows is not None and rows.ok.all() and rows.errors == {}


def test_the_first_hundred_errors(runs: Runs) -> None:
    errors = [f"error {n % 150} " + "x" * 1000 for n in range(300)]
    rows = only(runs(dumped(without_details(in_2025()) | {"errors": errors}))).requests
    assert rows is not None and len(rows.errors) == 100 and set(rows.errors.values()) == {2}
    assert max(map(len, rows.errors)) <= 300 and not rows.ok.any()


@given(texts=st.lists(st.text(st.characters(codec=None, exclude_categories=())), max_size=5))
@ON_ONE_FILE
def test_characters_of_the_texts(texts: list[str], runs: Runs) -> None:
    rows = only(runs(dumped(without_details(in_2025()) | {"generated_texts": texts}))).requests
    assert rows is not None and rows.text_chars is not None and rows.blank_chars is not None
    # A pair of surrogates in JSON is one character.
    texts = json.loads(json.dumps(texts))
    assert rows.text_chars.tolist() == [len(text) for text in texts]
    assert rows.blank_chars.tolist() == [sum(c.isspace() for c in text) for text in texts]


@pytest.mark.parametrize("key", [*details(), "latencies", "start_times", "queue_times"])
def test_lists_of_unequal_length(key: str, refusal: Callable[[bytes], str]) -> None:
    result = in_2026()
    result[key] = result[key][:2]
    sentence = refusal(dumped(result))
    assert f'2 in "{key}"' in sentence or f'2 entries in "{key}"' in sentence
    assert "3 " in sentence


def test_append_result(runs: Runs, refusal: Callable[[bytes], str]) -> None:
    found = runs(dumped(in_2025(), without_details(in_2026()), in_2024()))
    assert [run.place for run in found] == ["object 1", "object 2", "object 3"]
    assert [run.requests is None for run in found] == [False, True, False]
    assert [run.setting.max_concurrency for run in found] == [None, 2, None]
    assert '"line 2"' in refusal(dumped(in_2025(), {"a": 1}))
    assert '"line 2"' in refusal(dumped(in_2025(), in_2026())[:-40])


def test_the_sidecar_is_no_result(refusal: Callable[[bytes], str]) -> None:
    assert "check the result itself" in refusal(dumped(sidecar()))


def test_truncation_anywhere(refusal: Callable[[bytes], str]) -> None:
    content = SEEDS["2026"]
    for end in range(1, len(content)):
        assert refusal(content[:end])


@pytest.mark.parametrize("name", ["2026", "pretty"])
@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.replace(b", ", b" ,\r\n\t"),
        lambda content: b"\r\n\r\n" + content + b"\r\n",
        lambda content: content.replace(b'"ttfts"', b'"\\u0074tfts"'),
        lambda content: content.replace(b'"duration"', b'"duration": 99, "duration"'),
        lambda content: content[:-1].rstrip() + b', "deep": ' + b"[" * 200 + b"]" * 200 + b"}",
        lambda content: content[:-1].rstrip() + b', "new_key": {"a": ["\\ud800", 1e999]}}',
    ],
)
def test_the_same_file_in_other_clothes(
    name: str, change: Callable[[bytes], bytes], runs: Runs
) -> None:
    plain, changed = only(runs(SEEDS[name])), only(runs(change(SEEDS[name])))
    assert changed.totals == plain.totals and changed.figures == plain.figures
    assert changed.requests is not None and plain.requests is not None
    np.testing.assert_array_equal(changed.requests.ttft_s, plain.requests.ttft_s)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"duration": "soon"}, ('"duration"', '"soon"')),
        ({"completed": 1.5}, ('"completed"', "1.5", "whole number")),
        ({"completed": 10**30}, ('"completed"', "whole number")),
        ({"mean_tpot_ms": [30]}, ('"mean_tpot_ms"', "is a list")),
        ({"ttfts": {"a": 1}}, ('"ttfts"', "is an object")),
        ({"ttfts": [0.1, "0.2", 0.3]}, ('"ttfts"', '"0.2"')),
        ({"output_lens": [1, 2, 2**70]}, ('"output_lens"', "64 bits")),
        ({"itls": [0.1, 0.2, 0.3]}, ('"itls"', "list of lists")),
        ({"generated_texts": [1, 2, 3]}, ('"generated_texts"', "list of strings")),
        ({"model_id": 5}, ('"model_id"', "is a number")),
    ],
)
def test_what_does_not_fit(
    change: dict[str, Any], words: tuple[str, ...], refusal: Callable[[bytes], str]
) -> None:
    sentence = refusal(dumped(in_2025(**change)))
    assert "byte" in sentence
    for word in words:
        assert word in sentence


def test_units_are_those_of_the_keys(runs: Runs) -> None:
    mixed = {"mean_tpot_s": 0.0305, "p50_tpot_us": 30500, "p99_tpot_ns": 3.05e7, "mean_e2el_min": 1}
    run = only(runs(dumped({**without_details(in_2026()), **mixed})))
    for key in ("mean_tpot_s", "p50_tpot_us", "p99_tpot_ns"):
        (found,) = (figure for figure in run.figures if figure.key == key)
        assert found.value == 0.0305 and found.unit == key.rsplit("_", 1)[1]
    assert not any(figure.key == "mean_e2el_min" for figure in run.figures)


def test_nan_and_null_figures_are_nan(runs: Runs) -> None:
    run = only(
        runs(dumped(in_2025(mean_tpot_ms=math.nan, median_tpot_ms=None, std_tpot_ms=math.inf)))
    )
    values = [run.figure(Metric.TPOT, statistic) for statistic in ("mean", "median", "std")]
    np.testing.assert_array_equal(np.array(values, float), [math.nan, math.nan, math.inf])


def test_a_list_that_is_null_is_absent(runs: Runs) -> None:
    rows = only(runs(dumped(in_2025(generated_texts=None, errors=None, itls=None)))).requests
    assert rows is not None and rows.text_chars is None and rows.gaps is None and rows.ok.all()


def test_no_requests_at_all(runs: Runs) -> None:
    nothing = {key: [] for key in details()}
    rows = only(runs(dumped(in_2025(**nothing)))).requests
    assert rows is not None and len(rows) == 0 and rows.gaps is not None
    assert rows.gaps.offsets.tolist() == [0]


@pytest.mark.parametrize("name", SEEDS)
def test_every_sample_is_read_or_refused(name: str, runs: Runs) -> None:
    try:
        assert all(run.tool == "vllm" for run in runs(SEEDS[name]))
    except UserError:
        assert name == "sidecar" or name.startswith(("latency", "throughput"))


def test_a_list_as_a_sweep_writes_it(runs: Runs) -> None:
    first, second = runs(dumped([swept(), swept(run_number=1, stream_interval=4)]))
    assert (first.place, second.place) == ("[0]", "[1]")
    assert first.figures[0].value == second.figures[0].value == 0.375
    assert first.setting.tokens_per_chunk is None and second.setting.tokens_per_chunk == 4
    assert first.figure(Metric.TPOT, "mean") == 0.0305
    single = only(runs(dumped(without_details(in_2026()))))
    assert first.totals == single.totals and first.variant == single.variant


def test_a_list_with_something_else_in_it(refusal: Callable[[bytes], str]) -> None:
    assert '"[1]"' in refusal(dumped([swept(), {"duration": 1}]))


def test_a_sweep_as_csv_says_the_same(runs: Runs) -> None:
    results = [swept(), swept(run_number=1, stream_interval=4, random_range_ratio=0.25)]
    for ours, theirs in zip(runs(sweep_csv(*results)), runs(dumped(results)), strict=True):
        assert ours.figures == theirs.figures and ours.totals == theirs.totals
        assert ours.setting == theirs.setting and ours.variant == theirs.variant
    assert [run.place for run in runs(sweep_csv(*results))] == ["line 2", "line 3"]


def test_a_whole_number_in_a_column_with_holes_is_a_float(runs: Runs) -> None:
    """As pandas has it: 7.0 where another row has none."""
    run = only(runs(sweep_csv(swept(total_output_tokens="7.0", failed=""))))
    assert run.totals.output_tokens == {Counting.SERVER: 7} and run.totals.failed is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (sweep_csv(swept(total_output_tokens="7.5")), 'line 2: "total_output_tokens" is 7.5'),
        (sweep_csv(swept(mean_tpot_ms="fast")), 'line 2: "mean_tpot_ms" is "fast"'),
        (sweep_csv(swept()).split(b"\n")[0] + b"\n", "has a header and no row"),
        (sweep_csv(swept()) + b"1,2\n", "line 3: the row has 2 values"),
        (sweep_csv({**swept(), "stream_interval": 16})[:-2], "ends inside "),
    ],
)
def test_a_broken_csv(content: bytes, words: str, refusal: Callable[[bytes], str]) -> None:
    assert words in refusal(content)


def test_a_log_with_a_serving_run_too(runs: Runs) -> None:
    assert len(runs(SEEDS["throughput_printed"] + table(NEW).encode())) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("latency", dumped(LATENCY)),
        ("latency", SEEDS["latency_printed"]),
        ("throughput", dumped(THROUGHPUT)),
        ("throughput", SEEDS["throughput_printed"]),
    ],
)
def test_benchmarks_without_a_time_per_token(
    name: str, content: bytes, refusal: Callable[[bytes], str]
) -> None:
    sentence = refusal(content)
    assert f"vllm bench {name}," in sentence and "no time per output token (TPOT)" in sentence
    assert "run vllm serve and vllm bench serve --save-result" in sentence
