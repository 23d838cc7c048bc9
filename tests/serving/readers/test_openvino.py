"""OpenVINO GenAI's llm_bench: log, CSV and JSON say the same of the same iterations."""

import math

import pytest

from tests.serving.readers.files import dumped, figures, read_bytes, read_json
from tests.serving.readers.openvino_files import (
    LOG,
    LOG_OF_2024,
    MEAN,
    RESULTS,
    iteration,
    llm_bench_csv,
    llm_bench_json,
)
from truetpot.errors import UserError
from truetpot.serving.metrics import recompute
from truetpot.serving.records import Counting, Metric

FORMS = {
    "json": dumped(llm_bench_json(*RESULTS)),
    "csv": llm_bench_csv(*RESULTS, iteration("avg", **MEAN)),
    "log": LOG.encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_three_forms(tmp_path, form):
    (run,) = read_bytes(tmp_path, FORMS[form])
    assert (run.tool, run.variant, run.place) == ("openvino-llm-bench", form, "")
    assert run.figure(Metric.TTFT, "mean") == 0.1
    assert run.figure(Metric.TPOT, "mean") == 0.021
    rows, setting = run.requests, run.setting
    # Two iterations: the warm-up is none of the run.
    assert rows.tokens.tolist() == [101, 101] and rows.prompt_tokens.tolist() == [32, 32]
    assert rows.ttft_s.tolist() == [0.1, 0.1]
    assert rows.latency_s == pytest.approx([2.1, 2.3], rel=1e-5)
    assert (setting.batch, setting.device, setting.streaming) == (1, "GPU", False)
    assert setting.tokens_per_step is None
    tpot = recompute(run).find("tpot_per_request", Counting.SERVER)
    assert tpot.mean == pytest.approx(0.021, rel=1e-5)


def test_what_only_one_form_says(tmp_path):
    (json,) = read_bytes(tmp_path, FORMS["json"])
    assert json.figure(Metric.E2E_PER_TOKEN, "mean") == pytest.approx(0.02178218)
    assert (json.setting.model, json.setting.weight_format) == ("qwq-32b", "INT4")
    (log,) = read_bytes(tmp_path, FORMS["log"])
    assert (log.setting.model, log.setting.tool_version) == ("models/qwq-32b/INT4", "2026.1.0-1")
    minimum = iteration("mini")
    (csv,) = read_bytes(tmp_path, llm_bench_csv(*RESULTS, iteration("avg", **MEAN), minimum))
    assert csv.figure(Metric.TPOT, "min") == 0.02
    assert csv.figure(Metric.E2E_PER_TOKEN, "mean") == pytest.approx(0.02178218)


def test_a_step_of_a_batch_gives_each_sequence_a_token(tmp_path):
    """540.01 ms and 127 steps of 296.11 ms are 38.146 s; the file has 128 x 298.04 ms."""
    (run,) = read_bytes(tmp_path, LOG_OF_2024.encode())
    assert figures(run)[Metric.TPOT, "mean"] == pytest.approx(0.29611)
    assert figures(run)[Metric.TTFT, "mean"] == 0.54001
    assert (run.setting.batch, run.requests.tokens.tolist()) == (2, [128])
    assert run.requests.prompt_tokens.tolist() == [32]
    assert run.requests.latency_s[0] == pytest.approx(128 * 0.29804)
    assert run.requests.latency_s[0] == pytest.approx(0.54001 + 127 * 0.29611, rel=1e-3)


def test_a_line_alone(tmp_path):
    """Without its length and its latency: 500 + 127 x 25 ms."""
    line = (
        b"[ INFO ] [1] First token latency: 500.00 ms/token, other tokens latency: 25.00 ms/token, "
        b"len of tokens: 128 * 1\n"
    )
    (run,) = read_bytes(tmp_path, line)
    assert run.requests.latency_s[0] == pytest.approx(3.675)
    assert figures(run) == {(Metric.TTFT, "mean"): 0.5, (Metric.TPOT, "mean"): 0.025}
    # The length may be cut if the line has no end.
    (run,) = read_bytes(tmp_path, line[:-1])
    assert run.requests.tokens.tolist() == [-1] and math.isnan(run.requests.latency_s[0])


SIZE = "Input token size: 7, "


@pytest.mark.parametrize(
    ("prompt", "first", "unit"),
    [
        (f"Prompt[0] {SIZE}", "lantency: 49.31 ms/token", "lantency: 31.16 ms/token"),
        ("P[0]L[1]", "latency: 49.31 ms", "latency: 31.16 ms/token"),
        (f"P[0] {SIZE}", "latency: 49.31 ms/16tokens", "latency: 31.16 ms/16tokens"),
    ],
)
def test_averages_of_every_age(tmp_path, prompt, first, unit):
    average = f"[Average] {prompt} 1st token {first}, 2nd token {unit}, 2nd tokens throughput: 1 "
    (run,) = read_bytes(tmp_path, f"[ INFO ] {average}\n".encode())
    assert figures(run) == {(Metric.TTFT, "mean"): 0.04931, (Metric.TPOT, "mean"): 0.03116}
    assert run.requests is None


def test_chat_mode_has_no_time_to_first_token(tmp_path):
    """It is divided by the tokens of the prompt."""
    text = (
        "[ INFO ] [1][C0][P0] First token latency: 3.10 ms/token, other tokens latency: 20.00 "
        "ms/token, len of input tokens: 32 * 1\n"
        "[ INFO ] [Average] C[0] Input token sizes: 32(32), 1st token latency: 3.10 ms/token, "
        "2nd token latency: 20.00 ms/token, 2nd tokens throughput: 50.00 tokens/s\n"
    )
    (run,) = read_bytes(tmp_path, text.encode())
    assert figures(run) == {(Metric.TPOT, "mean"): 0.02}
    assert math.isnan(run.requests.ttft_s[0])


def test_speculative_decoding(tmp_path):
    """101 tokens, 60 of them accepted drafts: 41 steps."""
    line = (
        "[ INFO ] [{}][P0] Speculative decoding: draft tokens processed: 90, accepted by main "
        "model: {}, rejected by main model: 30, acceptance rate: 66.67%, miss rate: 33.33%\n"
    )
    (run,) = read_bytes(tmp_path, (LOG + line.format("warm-up", 90) + line.format(1, 60)).encode())
    assert run.setting.tokens_per_step == pytest.approx(101 / 41)


def test_one_run_a_prompt(tmp_path):
    results = [*RESULTS, iteration(0, 1), iteration(1, 1, second_avg_latency=50.0)]
    for content in (dumped(llm_bench_json(*results)), llm_bench_csv(*results)):
        first, second = read_bytes(tmp_path, content)
        assert (first.place, second.place) == ("prompt 0", "prompt 1")
        assert first.figure(Metric.TPOT, "mean") == 0.021
        assert second.figure(Metric.TPOT, "mean") == 0.05


def test_unknown_values(tmp_path):
    """-1 and empty strings; NA in the CSV."""
    results = [iteration(1, first_latency=-1, second_avg_latency=-1, latency="")]
    (run,) = read_json(tmp_path, llm_bench_json(*results))
    assert run.figures == () and math.isnan(run.requests.latency_s[0])
    results = [iteration(1, first_latency="NA", second_avg_latency="NA", latency="")]
    (run,) = read_bytes(tmp_path, llm_bench_csv(*results))
    assert run.figures == () and math.isnan(run.requests.ttft_s[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (dumped(llm_bench_json(iteration(0))), "has the warm-up iteration only"),
        (llm_bench_csv(iteration(0)), "has the warm-up iteration only"),
        (LOG[: LOG.index("[ INFO ] [1]")].encode(), "has the warm-up iteration only"),
        (dumped(llm_bench_json()), "has no iteration in it"),
        (dumped(llm_bench_json(iteration(1, latency="fast"))), '"fast", where a number'),
        (llm_bench_csv(iteration(1, latency="fast")), 'line 2: "latency\\(ms\\)" is "fast"'),
    ],
)
def test_refused(tmp_path, content, words):
    with pytest.raises(UserError, match=words):
        read_bytes(tmp_path, content)
