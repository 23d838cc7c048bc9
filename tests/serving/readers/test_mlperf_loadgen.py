import re

import pytest

from tests.real_files import real_file
from tests.serving.readers.files import figures, read_bytes
from tests.serving.readers.mlperf_files import mlperf_summary
from truetpot.errors import UserError
from truetpot.serving.readers import read
from truetpot.serving.records import Metric


def test_real_summary():
    path = real_file("mlperf_llama2_70b_interactive_summary.txt")
    (run,) = read(path)
    text = path.read_text()
    names = {
        "latency": Metric.E2E,
        "first token latency": Metric.TTFT,
        "time to output token": Metric.TPOT,
    }
    expected = {}
    for word, name, value in re.findall(
        r"^(Min|Max|Mean|[\d.]+ percentile) ([\w ]+?) \(ns\) *: (\d+)$", text, re.MULTILINE
    ):
        short = word.lower().replace(" percentile", "")
        share = {"50.00": "median", "99.90": "p99.9"}.get(short)
        statistic = share or (f"p{short[:2]}" if "." in short else short)
        expected[names[name.lower()], statistic] = int(value) / 1e9
    assert len(expected) == 27
    assert figures(run) == expected
    assert run.figure(Metric.TPOT, "p99") == 0.039507635
    assert run.variant == "Server scenario"
    assert run.totals.requests_per_s == 29.41
    assert run.totals.output_tokens_per_s == 8840.42
    assert run.setting.request_rate == 29.5
    assert (run.place, run.notes) == ("", ())


def test_negative_is_kept(tmp_path):
    """A sample of one token is divided by -1."""
    (run,) = read_bytes(tmp_path, mlperf_summary())
    assert run.figure(Metric.TPOT, "min") == -0.022931448


def test_several_summaries(tmp_path):
    data = mlperf_summary() + mlperf_summary("Offline").replace(b": VALID", b": INVALID")
    first, second = read_bytes(tmp_path, data)
    lines = data.decode().split("\n")
    titles = [number for number, line in enumerate(lines, 1) if line == "MLPerf Results Summary"]
    assert [first.place, second.place] == [f"line {number}" for number in titles]
    assert second.setting.request_rate is None
    assert second.notes == ("Loadgen says of the run: INVALID.",)


def test_other_name_of_the_metric(tmp_path):
    data = mlperf_summary().replace(b"Time to Output Token", b"Time per Output Token")
    assert read_bytes(tmp_path, data)[0].figure(Metric.TPOT, "mean") == 0.03210249


@pytest.mark.parametrize("value", ["many", "", "12e999", "1 2"])
def test_no_number(tmp_path, value):
    data = mlperf_summary().replace(b": 201330486", f": {value}".encode())
    line = data[: data.index(b"Mean First Token")].count(b"\n") + 1
    with pytest.raises(UserError, match=f"line {line}: "):
        read_bytes(tmp_path, data)


def test_cut_inside_a_number(tmp_path):
    data = mlperf_summary()
    with pytest.raises(UserError, match="cut off"):
        read_bytes(tmp_path, data[: data.index(b"32102490") + 4])


def test_no_latency(tmp_path):
    with pytest.raises(UserError, match="no latency"):
        read_bytes(tmp_path, b"MLPerf Results Summary\nTest Parameters Used\n")
