import json
import math
import tracemalloc

import numpy as np
import pytest

from tests.serving.readers.files import figures, read_bytes, read_json
from tests.serving.readers.genai_perf_files import (
    genai_perf_raw,
    genai_perf_request,
    genai_perf_small,
    genai_perf_summary,
    sse,
)
from truetpot.errors import UserError
from truetpot.serving.readers import read
from truetpot.serving.records import Counting, Metric

SENT = 1_759_813_207_532_900_363
MS = 1_000_000


def stamps(*ms):
    return [SENT + round(x * MS) for x in ms]


def only(tmp_path, *responses, ms=None, **asked):
    times = stamps(*(ms or range(10, 10 * len(responses) + 1, 10)))
    request = genai_perf_request(SENT, times, list(responses), **asked)
    (run,) = read_json(tmp_path, genai_perf_raw(request))
    return run.requests


def test_raw_export(tmp_path):
    (run,) = read_json(tmp_path, genai_perf_small())
    requests = run.requests
    assert (run.tool, run.variant, run.place) == ("genai-perf", "raw export", "experiments[0]")
    # The first response has a role only, the last is [DONE]: both are left out, as the tool does.
    assert requests.tokens.tolist() == [3, 0]
    assert requests.counting is Counting.CHUNKS
    np.testing.assert_array_equal(requests.ttft_s, [0.1, np.nan])
    np.testing.assert_array_equal(requests.latency_s, [0.165, np.nan])
    assert requests.gaps.seconds.tolist() == [0.03, 0.035]
    assert requests.gaps.offsets.tolist() == [0, 2, 2]
    assert requests.start_s.tolist() == [0, 0.05]
    assert requests.output_tokens[Counting.REQUESTED].tolist() == [8, -1]
    assert (requests.text_chars.tolist(), requests.blank_chars.tolist()) == ([4, 0], [1, 0])
    assert requests.finish_reasons == ("stop", "")
    assert requests.ok.tolist() == [True, False]
    assert run.setting.max_concurrency == 2
    assert "2 of 5 responses have no text and are left out." in run.notes


def test_nanoseconds_of_this_age_are_exact(tmp_path):
    """A float64 holds today's time to 256 ns only."""
    requests = only(tmp_path, sse("a"), sse("b"), ms=[0.000001, 0.000004])
    assert requests.ttft_s.tolist() == [1e-9]
    assert requests.gaps.seconds.tolist() == [3e-9]


def test_server_counts(tmp_path):
    usage = {"prompt_tokens": 5, "completion_tokens": 40}
    requests = only(tmp_path, sse("a"), sse("b"), sse("", usage=usage), max_tokens=64)
    assert requests.counting is Counting.SERVER
    assert requests.tokens.tolist() == [40]
    assert requests.output_tokens[Counting.CHUNKS].tolist() == [2]
    assert requests.output_tokens[Counting.REQUESTED].tolist() == [64]


def test_what_the_first_message_held(tmp_path):
    """3 of 12 characters; one response between two with text has none, the others are no tokens."""
    requests = only(tmp_path, sse(""), sse("abc"), sse(""), sse("defgh"), sse("ijkl"), sse(""))
    assert requests.first_share.tolist() == [0.25]
    assert requests.silent.tolist() == [1]
    assert requests.first_tokens is None
    nothing = only(tmp_path, sse(""), sse(""))
    assert nothing.first_share is None and nothing.silent is None


def test_all_text_in_few_responses(tmp_path):
    """The founding case as GenAI-Perf sees it: 4,096 tokens asked for, two responses with text."""
    empty = [sse("")] * 97
    requests = only(tmp_path, sse("a"), *empty, sse("b"), max_tokens=4096, ignore_eos=True)
    assert requests.tokens.tolist() == [2]
    assert requests.output_tokens[Counting.REQUESTED].tolist() == [4096]
    assert requests.latency_s.tolist() == [0.99]


def test_splintered_and_merged_responses(tmp_path):
    whole = sse("cut")
    requests = only(tmp_path, sse("a"), whole[:30], whole[30:50], whole[50:] + sse("next"))
    # The pieces count where they begin; what begins in the last piece counts there.
    assert requests.tokens.tolist() == [3]
    assert requests.text_chars.tolist() == [len("acutnext")]
    assert requests.gaps.seconds.tolist() == [0.01, 0.02]
    requests = only(tmp_path, sse("a"), sse("b") + sse("c"), ": comment\n\n", sse("d"))
    assert requests.tokens.tolist() == [3]
    assert requests.text_chars.tolist() == [4]


def test_other_protocols(tmp_path):
    request = genai_perf_request(SENT, stamps(10, 20, 30), [])
    for outputs in (
        [{"text_output": "a"}, {"text_output": ""}, {"text_output": "b"}],
        [{"response": json.dumps({"choices": [{"text": t}]})} for t in ("a", "", "b")][:1]
        + [{"response": "data: " + json.dumps({"choices": [{"text": t}]})} for t in ("", "b")],
    ):
        (run,) = read_json(tmp_path, genai_perf_raw({**request, "response_outputs": outputs}))
        assert run.requests.tokens.tolist() == [2]
        assert run.requests.latency_s.tolist() == [0.03]
    ids = [{"output_ids": 5}, {"output_ids": [6, 7]}, {"output_ids": ""}]
    (run,) = read_json(tmp_path, genai_perf_raw({**request, "response_outputs": ids}))
    assert run.requests.counting is Counting.SERVER
    assert run.requests.tokens.tolist() == [4]
    assert run.requests.first_tokens.tolist() == [1]
    assert run.requests.text_chars is None


def test_several_experiments(tmp_path):
    given = genai_perf_small()
    given["experiments"] += genai_perf_raw(mode="request_rate", value=1.5)["experiments"]
    first, second = read_json(tmp_path, given)
    assert (second.place, len(second.requests)) == ("experiments[1]", 0)
    assert second.setting.request_rate == 1.5
    assert first.setting.request_rate is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"response_timestamps": [SENT]}, "1 response_timestamps, but 5"),
        ({"response_timestamps": ["soon"] * 5}, "whole numbers"),
        ({"response_timestamps": 7}, "list"),
        ({"response_outputs": "none"}, "response_outputs"),
        ({"response_outputs": [1, 2, 3, 4, 5]}, "response_outputs"),
        ({"timestamp": "now"}, "timestamp"),
        ({"timestamp": 1.5}, "timestamp"),
    ],
)
def test_broken_request(tmp_path, change, words):
    given = genai_perf_small()
    given["experiments"][0]["requests"][0].update(change)
    with pytest.raises(UserError, match=words):
        read_json(tmp_path, given)


def test_missing_times_stay_missing(tmp_path):
    given = genai_perf_small()
    request = given["experiments"][0]["requests"][0]
    request["response_timestamps"][2] = None
    (run,) = read_json(tmp_path, given)
    np.testing.assert_array_equal(run.requests.gaps.seconds, [np.nan, np.nan])
    request["timestamp"] = None
    (run,) = read_json(tmp_path, given)
    assert math.isnan(run.requests.ttft_s[0])
    assert math.isnan(run.requests.latency_s[0])


def test_no_experiment(tmp_path):
    with pytest.raises(UserError, match="no experiment"):
        read_json(tmp_path, {**genai_perf_small(), "experiments": []})


def test_summary(tmp_path):
    given = genai_perf_summary()
    (run,) = read_json(tmp_path, given)
    names = {
        "time_to_first_token": Metric.TTFT,
        "inter_token_latency": Metric.TPOT,
        "request_latency": Metric.E2E,
    }
    statistics = {"avg": "mean", "p50": "median"}
    assert figures(run) == {
        (metric, statistics.get(key, key)): value / 1e3
        for name, metric in names.items()
        for key, value in given[name].items()
        if key != "unit"
    }
    assert run.definitions[Metric.TPOT].canonical == "tpot_per_request"
    assert run.definitions[Metric.TPOT].counting is Counting.RETOKENISED
    assert run.totals.completed == 40
    assert run.totals.output_tokens == {Counting.RETOKENISED: 4020}
    assert run.totals.input_tokens == 22000
    assert (run.totals.requests_per_s, run.totals.output_tokens_per_s) == (7.5, 750)
    setting = run.setting
    assert (setting.model, setting.max_concurrency, setting.request_rate) == ("qwq-32b", 8, None)
    # -1 means that no output length was asked for; max_tokens was.
    assert (setting.input_tokens, setting.output_tokens) == (550, 256)
    assert (setting.ignore_eos, setting.streaming) == (True, True)


def test_summary_of_another_unit(tmp_path):
    given = genai_perf_summary(request_latency={"unit": "ns", "avg": 5e9})
    assert figures(read_json(tmp_path, given)[0])[Metric.E2E, "mean"] == 5
    with pytest.raises(UserError, match="fortnight"):
        read_json(tmp_path, genai_perf_summary(request_latency={"unit": "fortnight", "avg": 5e9}))


def test_summary_with_nan(tmp_path):
    data = json.dumps(genai_perf_summary()).replace("9.25", "NaN").encode()
    assert math.isnan(figures(read_bytes(tmp_path, data)[0])[Metric.TPOT, "median"])


def test_memory_stays_near_the_arrays(tmp_path):
    path, requests, responses = tmp_path / "large.json", 60, 1000
    times = stamps(*range(10, 10 + responses))
    request = genai_perf_request(SENT, times, [sse("word")] * responses, max_tokens=1000)
    given = genai_perf_raw()
    given["experiments"][0]["requests"] = [0]
    head, tail = json.dumps(given).split("[0]")
    with path.open("w") as file:
        file.write(head + "[" + ",".join([json.dumps(request)] * requests) + "]" + tail)
    read(path)  # Compiles.
    tracemalloc.start()
    (run,) = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert run.requests.gaps.seconds.tolist() == [0.001] * (responses - 1) * requests
    # the file itself is held: one that is mapped and cut off meanwhile ends the process
    held = peak - path.stat().st_size
    assert held < 1.5 * run.requests.gaps.seconds.nbytes + (6 << 20)
