import json
import math

import numpy as np
import pytest

from tests.real_files import real_file
from tests.serving.readers.files import figures, read_json
from tests.serving.readers.inference_perf_files import (
    inference_perf_first_rows,
    inference_perf_of_server,
    inference_perf_report,
    inference_perf_rows,
)
from truetpot.errors import UserError
from truetpot.serving.readers import read
from truetpot.serving.records import Counting, Metric

KEYS = {
    "time_to_first_token": Metric.TTFT,
    "time_per_output_token": Metric.TPOT,
    "inter_token_latency": Metric.ITL,
    "request_latency": Metric.E2E,
    "normalized_time_per_output_token": Metric.E2E_PER_TOKEN,
}


@pytest.mark.parametrize(
    "name", ["inference_perf_eagle_stage0.json", "inference_perf_batch_stage0.json"]
)
def test_real_report(name):
    path = real_file(name)
    given = json.loads(path.read_text())
    (run,) = read(path)
    assert (run.tool, run.variant) == ("inference-perf", "messages")
    latency = given["successes"]["latency"]
    assert figures(run) == {
        (metric, statistic): value
        for key, metric in KEYS.items()
        for statistic, value in latency[key].items()
    }
    totals, successes = run.totals, given["successes"]
    assert (totals.attempted, totals.completed, totals.failed) == (60, 60, 0)
    assert totals.input_tokens == round(successes["prompt_len"]["mean"] * 60)
    assert totals.output_tokens == {
        Counting.RETOKENISED: round(successes["output_len"]["mean"] * 60)
    }
    throughput = successes["throughput"]
    assert totals.requests_per_s == throughput["requests_per_sec"]
    assert totals.output_tokens_per_s == throughput["output_tokens_per_sec"]
    assert totals.total_tokens_per_s == throughput["total_tokens_per_sec"]
    assert run.setting.request_rate == given["load_summary"]["requested_rate"]
    # The totals fit together: tokens over rate is one duration for both.
    assert totals.output_tokens[Counting.RETOKENISED] / totals.output_tokens_per_s == (
        pytest.approx(totals.completed / totals.requests_per_s, rel=1e-9)
    )


@pytest.mark.parametrize(
    "name", ["inference_perf_eagle_stage0.json", "inference_perf_batch_stage0.json"]
)
def test_old_time_per_output_token_is_no_token_time(name):
    """Its definition says so: the file's own latency and lengths give about twice the figure,
    with speculation and without it, because blank lines of the stream have timestamps too.
    """
    path = real_file(name)
    (run,) = read(path)
    tokens = run.totals.output_tokens[Counting.RETOKENISED] / run.totals.completed
    after_first = run.figure(Metric.E2E, "mean") - run.figure(Metric.TTFT, "mean")
    per_token = after_first / (tokens - 1)
    assert 1.8 < per_token / run.figure(Metric.TPOT, "mean") < 2.2
    assert run.figure(Metric.ITL, "median") < 1e-4
    assert run.definitions[Metric.TPOT].counting is Counting.CHUNKS


def test_report_with_tokens(tmp_path):
    (run,) = read_json(tmp_path, inference_perf_report())
    assert run.variant == "lifecycle"
    assert run.figure(Metric.TPOT, "mean") == 0.25
    assert run.figure(Metric.TPOT, "p99.9") == 0.9
    assert run.definitions[Metric.TPOT].counting is Counting.RETOKENISED
    assert run.definitions[Metric.TPOT].canonical == "tpot_per_request"
    assert run.totals.duration_s == 12.5
    assert run.totals.input_tokens == 1000 and run.totals.cached_tokens == 40
    assert run.totals.output_tokens == {Counting.RETOKENISED: 500, Counting.SERVER: 512}
    assert (run.totals.attempted, run.totals.completed, run.totals.failed) == (11, 10, 1)
    assert (run.setting.request_rate, run.setting.max_concurrency) == (None, 3)


def test_not_streaming(tmp_path):
    given = inference_perf_report()
    given["successes"]["latency"].update(
        time_per_output_token=None, time_to_first_token=None, inter_token_latency=None
    )
    (run,) = read_json(tmp_path, given)
    assert run.figure(Metric.TPOT, "mean") is None
    assert run.figure(Metric.E2E, "mean") == 0.25


def test_server_metrics(tmp_path):
    (run,) = read_json(tmp_path, inference_perf_of_server())
    assert run.variant == "server metrics"
    assert figures(run) == {
        (Metric.TPOT, "mean"): 0.02,
        (Metric.TPOT, "median"): 0.01,
        (Metric.TPOT, "p99"): 0.05,
    }
    assert run.definitions[Metric.TPOT].canonical == ""
    assert run.totals.duration_s is None


def test_no_latency(tmp_path):
    given = inference_perf_report()
    given["successes"]["latency"] = {}
    with pytest.raises(UserError, match="no latency"):
        read_json(tmp_path, given)
    with pytest.raises(UserError, match="successes"):
        read_json(tmp_path, {**given, "successes": None})


def test_rows(tmp_path):
    (run,) = read_json(tmp_path, inference_perf_rows())
    requests = run.requests
    assert requests.counting is Counting.RETOKENISED
    assert requests.tokens.tolist() == [4, -1]
    assert requests.output_tokens[Counting.SERVER].tolist() == [5, -1]
    assert requests.output_tokens[Counting.CHUNKS].tolist() == [3, -1]  # one held two tokens
    assert requests.first_tokens.tolist() == [2, -1]
    assert requests.prompt_tokens.tolist() == [7, 8]
    np.testing.assert_array_equal(requests.ttft_s, [0.5, np.nan])
    assert requests.latency_s.tolist() == [1.25, 0.25]
    assert requests.start_s.tolist() == [0, 0.25]
    assert requests.gaps.seconds.tolist() == [0.5, 0.25]
    assert requests.ok.tolist() == [True, False]
    assert requests.errors == {"HTTP Error 500: oh": 1}


def test_rows_of_the_first_form(tmp_path):
    (run,) = read_json(tmp_path, inference_perf_first_rows())
    assert run.requests.counting is Counting.CHUNKS
    assert run.requests.tokens.tolist() == [3]
    assert run.requests.output_tokens[Counting.RETOKENISED].tolist() == [2]
    assert run.definitions[Metric.TPOT].counting is Counting.CHUNKS


@pytest.mark.parametrize("info", [None, 5, [], {"response_metrics": 5}, "none"])
def test_rows_without_responses(tmp_path, info):
    (run,) = read_json(tmp_path, [{**inference_perf_rows()[0], "info": info}])
    assert math.isnan(run.requests.ttft_s[0])
    assert run.requests.latency_s.tolist() == [1.5]


def test_broken_rows(tmp_path):
    rows = inference_perf_rows()
    rows[1]["start_time"] = []
    with pytest.raises(UserError, match=r"\[1\].start_time"):
        read_json(tmp_path, rows)
