import math
import re

import pytest

from tests.serving.readers.files import figures, read_bytes
from tests.serving.readers.ipex_llm_files import ALL_IN_ONE_HEADER, all_in_one_csv, online_log
from truetpot.errors import UserError
from truetpot.serving.records import Counting, Metric

# The all-in-one benchmark's CSV


def test_one_run_a_row(tmp_path):
    first, second = read_bytes(tmp_path, all_in_one_csv())
    assert (first.tool, first.place, second.place) == ("ipex-llm-all-in-one", "line 2", "line 3")
    assert figures(first) == {
        (Metric.TTFT, "mean"): 1851.07 / 1e3,
        (Metric.TPOT, "mean"): 33.25 / 1e3,
    }
    assert first.setting.weight_format == "sym_int4"
    assert (first.setting.batch, second.setting.batch) == (1, 2)
    # Asked for 1024, came to 191: both are told.
    assert (second.setting.input_tokens, second.setting.output_tokens) == (1024, 1024)
    assert second.totals.output_tokens == {Counting.SERVER: 191}
    assert (second.totals.input_tokens, second.totals.completed) == (1024, 1)


def test_old_columns_and_repeated_header(tmp_path):
    header = b"model,1st token avg latency (ms),2+ avg latency (ms/token),input/output tokens\n"
    runs = read_bytes(tmp_path, header + b"m,10.5,2.5,32-32\n" + header + b"m,11.5,nan,32-64\n")
    assert [run.place for run in runs] == ["line 2", "line 4"]
    assert math.isnan(runs[1].figure(Metric.TPOT, "mean"))
    assert runs[0].totals.output_tokens == {}
    assert runs[0].setting.batch is None


def test_nothing_and_odd_numbers(tmp_path):
    row = "0,m,N/A,-0.0,0.0,32-32,1,32-32,4,int4,False,30.1,N/A,True,N/A,N/A"
    (run,) = read_bytes(tmp_path, all_in_one_csv(row))
    assert math.isnan(run.figure(Metric.TTFT, "mean"))
    assert run.figure(Metric.TPOT, "mean") == 0
    assert run.setting.streaming is True
    assert run.notes == ("Beam search, 4 beams.",)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("0,m,1.5,2.5", "4 values for 16 columns"),
        ("0,m,fast,2.5,0,32-32,1,32-32,1,int4,F,1,1,N/A,N/A,N/A", "1st token avg latency"),
        ("0,m,1.5,inf,0,32-32,1,32-32,1,int4,F,1,1,N/A,N/A,N/A", "2\\+ avg latency"),
        ("0,m,1.5,2.5,0,32 32,1,32-32,1,int4,F,1,1,N/A,N/A,N/A", "two lengths"),
        ('0,"m,1.5,2.5,0,32-32,1,32-32,1,int4,F,1,1,N/A,N/A,N/A', "no CSV"),
    ],
)
def test_broken_row(tmp_path, row, words):
    with pytest.raises(UserError, match=f"line 2.*{words}"):
        read_bytes(tmp_path, all_in_one_csv(row))


def test_header_only(tmp_path):
    with pytest.raises(UserError, match="no row"):
        read_bytes(tmp_path, ALL_IN_ONE_HEADER.encode())


def test_last_length_cut(tmp_path):
    """1024-12 is what is left of 1024-128 if the line has no end."""
    header = "model,1st token avg latency (ms),2+ avg latency (ms/token),input/output tokens\n"
    with pytest.raises(UserError, match="cut"):
        read_bytes(tmp_path, (header + "m,10.5,2.5,1024-12").encode())


# vllm_online_benchmark.py


def test_log(tmp_path):
    data = online_log()
    (run,) = read_bytes(tmp_path, data)
    assert run.tool == "ipex-llm-online"
    text = data.decode()
    expected = {}
    names = {"first": Metric.TTFT, "next": Metric.TPOT}
    for word, which, ms in re.findall(r"(Average|P90|P95) (first|next) token.*: ([\d.]+) m", text):
        expected[names[which], word.lower().replace("average", "mean")] = float(ms) / 1e3
    expected[Metric.E2E, "mean"] = 47.6375
    found = figures(run)
    assert math.isnan(found.pop((Metric.TPOT, "p95")))
    assert found == expected
    assert (run.totals.duration_s, run.totals.attempted) == (243.125, 60)
    assert run.totals.output_tokens_per_s == 60 * 512 / 243.125
    # The numerator of the tool's throughput: what was asked for.
    assert run.totals.output_tokens == {Counting.REQUESTED: 60 * 512}
    assert (run.setting.output_tokens, run.setting.max_concurrency) == (512, 12)
    assert run.setting.model == "Qwen1.5-14B-Chat"
    assert any("1 requests failed" in note for note in run.notes)


def test_several_runs_in_one_log(tmp_path):
    first, second = read_bytes(tmp_path, online_log() + online_log("200.0"))
    assert (first.place, second.place) == ("line 7", "line 25")
    assert second.totals.duration_s == 200


def test_only_averages(tmp_path):
    """As people quote it."""
    data = online_log()
    (run,) = read_bytes(tmp_path, data[data.index(b"Average first") :])
    assert run.figure(Metric.TPOT, "mean") == 60.306824265625 / 1e3
    assert run.totals.duration_s is None


def test_placeholder(tmp_path):
    with pytest.raises(UserError, match=r"line 7.*'xxx'"):
        read_bytes(tmp_path, online_log("xxx"))


def test_no_latency(tmp_path):
    data = online_log().replace(b" milliseconds.", b" ms.")
    with pytest.raises(UserError, match="before any latency"):
        read_bytes(tmp_path, data.replace(b"Average responce", b"Mean"))
