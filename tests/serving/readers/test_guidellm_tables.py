"""guidellm's CSV and what it prints: the same made-up benchmark in all of them."""

import pytest

from tests.serving.readers.files import figures, read_bytes
from tests.serving.readers.guidellm_table_files import (
    CONSOLE,
    CONSOLE_0_3,
    columns_0_5,
    csv_0_3,
    csv_0_5,
)
from truetpot.errors import UserError
from truetpot.serving.records import Counting, Metric


@pytest.mark.parametrize(
    ("content", "age", "tpot"),
    [(csv_0_5(columns_0_5()), "", "tpot_with_first"), (csv_0_3(), ", <= 0.3", "")],
)
def test_csv(tmp_path, content, age, tpot):
    (run,) = read_bytes(tmp_path, content)
    assert (run.tool, run.variant) == ("guidellm", f"csv{age}")
    found = figures(run)
    assert found[Metric.ITL, "mean"] == found[Metric.ITL, "median"] == 0.02
    assert found[Metric.ITL, "p25"] == 0.02 and found[Metric.ITL, "p75"] == 0.021
    assert found[Metric.ITL, "min"] == 0.02 and found[Metric.ITL, "max"] == 0.021
    assert found[Metric.ITL, "std"] == 0.0005 and found[Metric.TTFT, "p99"] == 0.11
    assert found[Metric.E2E, "mean"] == 2.1, "in seconds"
    assert found[Metric.TPOT, "mean"] == 0.0208
    assert run.definitions[Metric.TPOT].canonical == tpot
    assert run.definitions[Metric.ITL].canonical == "tpot_token_weighted"
    totals, setting = run.totals, run.setting
    assert (totals.attempted, totals.completed, totals.failed) == (21, 20, 1)
    assert (totals.input_tokens, totals.output_tokens) == (2000, {Counting.SERVER: 2020})
    assert (totals.duration_s, totals.requests_per_s, totals.mean_concurrency) == (42, 0.48, 1)
    assert (totals.output_tokens_per_s, totals.total_tokens_per_s) == (48.1, 95.7)
    assert (setting.model, setting.max_concurrency) == ("Qwen/QwQ-32B", 4)
    assert setting.tool_version == (None if age else "0.5.0")


def test_several_benchmarks_and_their_places(tmp_path):
    runs = read_bytes(tmp_path, csv_0_5(columns_0_5(), columns_0_5()))
    assert [run.place for run in runs] == ["line 4", "line 5"]


def test_a_benchmark_with_other_columns(tmp_path):
    """The header is the first one's: guidellm leaves columns out that are zero."""
    other = columns_0_5()
    del other["Inter Token Latency", "Errored ms", "Mean"]
    with pytest.raises(UserError, match=r"line 5: the row has \d+ values .* JSON report"):
        read_bytes(tmp_path, csv_0_5(columns_0_5(), other))


def test_a_header_alone(tmp_path):
    content = b"".join(csv_0_5(columns_0_5()).splitlines(keepends=True)[:3])
    with pytest.raises(UserError, match="no benchmark in it"):
        read_bytes(tmp_path, content)


def test_console(tmp_path):
    first, second = read_bytes(tmp_path, CONSOLE.encode())
    assert (first.variant, first.place) == ("console", "benchmark 1")
    assert figures(first) == {
        (Metric.E2E, "median"): 2.1,
        (Metric.E2E, "p95"): 2.2,
        (Metric.TTFT, "median"): 0.1,
        (Metric.TTFT, "p95"): 0.11,
        (Metric.ITL, "median"): 0.02,
        (Metric.ITL, "p95"): 0.021,
        (Metric.TPOT, "median"): 20.8 / 1e3,
        (Metric.TPOT, "p95"): 21.8 / 1e3,
    }
    assert second.figure(Metric.ITL, "median") == 0.038
    totals = second.totals
    assert (totals.duration_s, totals.requests_per_s, totals.mean_concurrency) == (20, 1, 3.9)
    assert (totals.input_tokens, totals.output_tokens) == (4000, {Counting.SERVER: 2020})
    assert (totals.output_tokens_per_s, totals.total_tokens_per_s) == (101, 301)
    assert totals.completed is None, "it is not printed"


def test_console_of_0_5(tmp_path):
    """A median and a mean for each rate."""
    start = CONSOLE.index("ℹ Server")
    table = """\
ℹ Server Throughput Statistics
|============|=====|======|=======|======|=======|=======|=======|=======|=======|=======|
| Benchmark  | Requests               |||| Input Tokens || Output Tokens|| Total Tokens ||
| Strategy   | Per Sec   || Concurrency || Per Sec      || Per Sec      || Per Sec      ||
|            | Mdn | Mean | Mdn   | Mean | Mdn   | Mean  | Mdn   | Mean  | Mdn   | Mean  |
|------------|-----|------|-------|------|-------|-------|-------|-------|-------|-------|
| concurrent | 0.6 | 0.5  | 2.0   | 1.0  | 50.0  | 47.6  | 50.0  | 48.1  | 99.0  | 95.7  |
|============|=====|======|=======|======|=======|=======|=======|=======|=======|=======|
"""
    first, second = read_bytes(tmp_path, (CONSOLE[:start] + table).encode())
    totals = first.totals
    assert (totals.requests_per_s, totals.mean_concurrency) == (0.5, 1)
    assert (totals.output_tokens_per_s, totals.total_tokens_per_s) == (48.1, 95.7)
    assert second.totals.requests_per_s is None


def test_console_of_0_3(tmp_path):
    first, second = read_bytes(tmp_path, CONSOLE_0_3.encode())
    assert first.variant == "console, <= 0.3" and first.setting.request_rate is None
    found = figures(second)
    assert found[Metric.ITL, "mean"] == 0.038 and found[Metric.ITL, "p99"] == 0.0399
    assert found[Metric.E2E, "mean"] == 4 and found[Metric.TTFT, "p99"] == 0.21
    assert found[Metric.TPOT, "median"] == 0.0376
    assert (second.totals.completed, first.totals.failed) == (20, 1)
    assert second.totals.output_tokens == {Counting.SERVER: 2020}
    assert (second.totals.duration_s, second.totals.mean_concurrency) == (20, 3.9)
    assert second.setting.request_rate == 2.5
    # 0.2 named the same column (ms).
    (of_0_2, _) = read_bytes(
        tmp_path, CONSOLE_0_3.replace("Latency (sec)", "Latency (ms)").encode()
    )
    assert of_0_2.figure(Metric.E2E, "mean") == 2.1


def test_a_table_without_rows(tmp_path):
    with pytest.raises(UserError, match="line 14: the table below has no row"):
        read_bytes(tmp_path, CONSOLE[: CONSOLE.index("| concurrent | 2.1")].encode())


def test_values_that_are_not_there(tmp_path):
    """guidellm prints -- for them."""
    (first, _) = read_bytes(tmp_path, CONSOLE.replace(" 20.0 ", " --   ").encode())
    assert first.figure(Metric.ITL, "median") is None
