import pytest

from tests.serving.readers.files import figures, read_json
from tests.serving.readers.inference_benchmarker_files import benchmarker_report
from truetpot.errors import UserError
from truetpot.serving.records import Counting, Metric


def test_report(tmp_path):
    (run,) = read_json(tmp_path, benchmarker_report())
    result = benchmarker_report()["results"][1]
    names = {"avg": "mean", "p50": "median"}
    keys = {
        "time_to_first_token_ms": Metric.TTFT,
        "inter_token_latency_ms": Metric.TPOT,
        "e2e_latency_ms": Metric.E2E,
    }
    assert figures(run) == {
        (metric, names.get(name, name)): value / 1e3
        for key, metric in keys.items()
        for name, value in result[key].items()
    }
    assert (run.place, run.variant) == ("results[1]", "constant@2.00req/s")
    totals, setting = run.totals, run.setting
    # the tool's own begins with the request that ended first
    assert totals.duration_s is None
    assert (totals.attempted, totals.completed, totals.failed) == (240, 238, 2)
    assert totals.output_tokens == {Counting.RETOKENISED: 48000}
    assert (totals.input_tokens, totals.output_tokens_per_s) == (47600, 400)
    assert (setting.model, setting.request_rate, setting.max_concurrency) == ("llama", 2, 128)
    assert (setting.input_tokens, setting.output_tokens) == (200, 200)


def test_warm_up_only(tmp_path):
    given = benchmarker_report()
    del given["results"][1]
    with pytest.raises(UserError, match="warm-up"):
        read_json(tmp_path, given)


def test_broken(tmp_path):
    given = benchmarker_report()
    given["results"][1]["total_requests"] = "many"
    with pytest.raises(UserError, match=r"results\[1\].total_requests"):
        read_json(tmp_path, given)
