import numpy as np
import pytest

from tests.serving.readers.files import figures, read_json
from tests.serving.readers.llmperf_files import llmperf_rows, llmperf_summary
from truetpot.errors import UserError
from truetpot.serving.records import Counting, Metric

KEYS = {
    "ttft_s": Metric.TTFT,
    "inter_token_latency_s": Metric.TPOT,
    "end_to_end_latency_s": Metric.E2E,
}


def test_summary(tmp_path):
    given = llmperf_summary()
    (run,) = read_json(tmp_path, given)
    names = {"quantiles_p50": "median", "stddev": "std"}
    expected = {}
    for name, metric in KEYS.items():
        for key, value in given.items():
            if key.startswith(f"results_{name}_"):
                suffix = key.removeprefix(f"results_{name}_")
                expected[metric, names.get(suffix, suffix.removeprefix("quantiles_"))] = value
    assert figures(run) == expected
    assert run.definitions[Metric.TPOT].canonical == "e2e_per_token"
    totals, setting = run.totals, run.setting
    assert (totals.attempted, totals.completed, totals.failed) == (12, 11, 1)
    assert (totals.requests_per_s, totals.output_tokens_per_s) == (33 / 60, 42.5)
    assert (setting.model, setting.max_concurrency) == ("m", 2)
    assert (setting.input_tokens, setting.output_tokens) == (550, 150)


def test_requests(tmp_path):
    (run,) = read_json(tmp_path, llmperf_rows())
    requests = run.requests
    assert requests.counting is Counting.RETOKENISED
    assert requests.tokens.tolist() == [100, 0]
    assert requests.prompt_tokens.tolist() == [550, 550]
    assert requests.ttft_s.tolist() == [0.5, 0.5]
    assert requests.latency_s.tolist() == [2, 2]
    assert requests.ok.tolist() == [True, False]
    assert requests.errors == {"Too many": 1}
    # What it calls inter-token latency has the first token in it.
    np.testing.assert_allclose(
        requests.latency_s[0] / requests.tokens[0], llmperf_rows()[0]["inter_token_latency_s"]
    )


def test_broken(tmp_path):
    rows = llmperf_rows()
    rows[1]["ttft_s"] = "soon"
    with pytest.raises(UserError, match=r"\[1\].ttft_s"):
        read_json(tmp_path, rows)
    with pytest.raises(UserError, match="object"):
        read_json(tmp_path, [rows[0], 5])
