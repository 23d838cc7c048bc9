"""The CSV of AIPerf and of GenAI-Perf."""

import pytest

from tests.serving.readers.files import figures, read_bytes
from tests.serving.readers.nvidia_csv_files import AIPERF, GENAI_PERF, GENAI_PERF_OF_2024
from truetpot.errors import UserError
from truetpot.serving.records import Counting, Metric


@pytest.mark.parametrize(
    ("content", "tool", "request_count"), [(AIPERF, "aiperf", 1), (GENAI_PERF, "genai-perf", None)]
)
def test_both(tmp_path, content, tool, request_count):
    (run,) = read_bytes(tmp_path, content.encode())
    assert (run.tool, run.variant) == (tool, "csv")
    found = figures(run)
    assert found[Metric.TPOT, "mean"] == found[Metric.TPOT, "median"] == 0.02
    assert found[Metric.TPOT, "min"] == 0.019 and found[Metric.TPOT, "p75"] == 0.0205
    assert found[Metric.TTFT, "p99"] == 0.11
    assert found[Metric.E2E, "mean"] == 2.1 and found[Metric.E2E, "p99"] == 2.2
    totals = run.totals
    assert (totals.completed, totals.failed) == (20, request_count)
    # 500 and 101 tokens of 20 requests.
    assert (totals.input_tokens, totals.output_tokens) == (10000, {Counting.RETOKENISED: 2020})
    assert (totals.requests_per_s, totals.output_tokens_per_s) == (1.6, 161.6)
    assert run.setting.streaming is True


def test_what_aiperf_alone_has(tmp_path):
    (run,) = read_bytes(tmp_path, AIPERF.encode())
    assert run.figure(Metric.ITL, "mean") == 0.04 and run.totals.duration_s == 12.5
    assert run.figure(Metric.TPOT, "std") == 0.0005
    assert run.figure(Metric.ITL, "p99") is None, "an empty cell is no number"
    assert run.figures[0].key == "line 7, avg"


def test_a_published_one_of_2024(tmp_path):
    """(6,406.20 ms - 1,146.31 ms) / 173.45 is 30.33 ms, of the means; 40 x 174.45 tokens."""
    (run,) = read_bytes(tmp_path, GENAI_PERF_OF_2024.encode())
    assert run.tool == "genai-perf"
    assert run.figure(Metric.TPOT, "mean") == 30.35 / 1e3
    span = run.figure(Metric.E2E, "mean") - run.figure(Metric.TTFT, "mean")
    assert round(span / 173.45 * 1e3, 2) == 30.33
    assert run.totals.output_tokens == {Counting.RETOKENISED: 6978}
    assert (run.totals.input_tokens, run.totals.completed) == (120002, 40)


def test_the_requests_table_alone(tmp_path):
    """As it was up to 2025, with p1 behind max."""
    text = AIPERF[: AIPERF.index("\n\n") + 1].replace(",sum,", ",total,")
    (run,) = read_bytes(tmp_path, text.encode())
    assert run.tool == "aiperf" and run.totals.completed is None and run.totals.output_tokens == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (AIPERF.replace("Inter Token Latency (ms)", "Inter Token Latency (min)"), 'line 3.*"unit"'),
        (AIPERF.replace("Inter Token Latency (ms)", "Inter Token Latency"), 'line 3.*no "unit"'),
        (AIPERF.replace("20.00,19.00,21.00", "fast,19.00,21.00"), 'line 3: "avg" is "fast"'),
        (AIPERF.split("\n")[0] + "\n", "no time of a request"),
        (AIPERF[: AIPERF.index(",19.00,19.50")], "line 3: the row has 7 values for 15 columns"),
        (AIPERF[: AIPERF.index("0\nInput")], 'line 3: the file ends inside "std"'),
    ],
)
def test_broken(tmp_path, content, words):
    with pytest.raises(UserError, match=words):
        read_bytes(tmp_path, content.encode())
