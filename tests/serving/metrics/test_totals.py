"""Runs without single requests: what follows from totals and means, and nothing more."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.real_files import real_file
from tests.serving.metrics.samples import make_requests, make_run
from truetpot.serving.metrics import definitions, recompute
from truetpot.serving.records import Counting, Metric

SERVER, TEXT = Counting.SERVER, Counting.RETOKENISED


@given(
    st.lists(
        st.tuples(st.integers(2, 900), st.floats(0.01, 9), st.floats(0.01, 90)),
        min_size=1,
        max_size=20,
    )
)
def test_totals_of_requests_give_what_the_requests_give(rows):
    tokens, ttft, decode = zip(*rows, strict=True)
    latency = [a + b for a, b in zip(ttft, decode, strict=True)]
    single = make_run(make_requests({SERVER: tokens}, ttft, latency), duration_s=12.5)
    size = len(rows)
    means = {
        Metric.TTFT: (math.fsum(ttft) / size, "ttft"),
        Metric.E2E: (math.fsum(latency) / size, "e2e"),
    }
    totals = make_run(
        means=means, duration_s=12.5, completed=size, output_tokens={SERVER: sum(tokens)}
    )
    expected, found = recompute(single), recompute(totals)
    keys = {"decode_throughput", "tpot_token_weighted", "tpot_with_first"}
    if size == 1:
        keys |= {"tpot_per_request", "e2e_per_token"}
    assert set(found.summaries) == keys
    for key in keys:
        summary = found.find(key, SERVER)
        assert summary.mean == pytest.approx(expected.find(key, SERVER).mean, rel=1e-9)
        assert summary.count == size
        assert summary.from_totals
        assert math.isnan(summary.median) and summary.median_ci is None
        assert all(map(math.isnan, summary.percentiles.values()))


def test_a_count_that_only_the_totals_have_is_joined_with_the_requests():
    """SGLang writes the retokenised total beside requests counted by the server."""
    rows = make_requests({SERVER: [100, 100]}, [1.0, 1.0], [10.9, 10.9])
    found = recompute(make_run(rows, output_tokens={SERVER: 200, TEXT: 20}))
    assert not found.find("tpot_token_weighted", SERVER).from_totals
    text = found.find("tpot_token_weighted", TEXT)
    assert text.from_totals
    assert text.mean == pytest.approx(19.8 / 18)
    assert found.find("tpot_per_request", TEXT) is None, "needs the count of each request"
    assert found.counts.output_tokens == {SERVER: 200, TEXT: 20}


MEANS = {Metric.TTFT: (1.0, "ttft"), Metric.E2E: (3.0, "e2e")}


@pytest.mark.parametrize(
    ("means", "totals"),
    [
        ({Metric.E2E: (3.0, "e2e")}, {"completed": 2, "output_tokens": {SERVER: 9}}),
        (MEANS, {"output_tokens": {SERVER: 9}}),
        (MEANS, {"completed": 0, "output_tokens": {SERVER: 9}}),
        (MEANS, {"completed": 2}),
        (MEANS, {"completed": 2, "output_tokens": {SERVER: 0}}),
        (MEANS | {Metric.TTFT: (1.0, "")}, {"completed": 2, "output_tokens": {SERVER: 9}}),
        (MEANS | {Metric.E2E: (math.nan, "e2e")}, {"completed": 2, "output_tokens": {SERVER: 9}}),
    ],
    ids=["no ttft", "no requests", "none completed", "no count", "0", "another ttft", "NaN"],
)
def test_what_does_not_follow_is_not_there(means, totals):
    assert recompute(make_run(means=means, **totals)).summaries == {}


def test_no_more_tokens_than_requests_have_no_interval_between_them():
    found = recompute(make_run(means=MEANS, completed=4, output_tokens={TEXT: 4}))
    assert [*found.summaries] == ["tpot_with_first"]


@pytest.mark.parametrize("duration", [0.0, -1.0, math.nan, None])
def test_no_throughput_without_a_duration(duration):
    run = make_run(duration_s=duration, completed=1, output_tokens={SERVER: 8})
    assert recompute(run).summaries == {}


def test_counts_are_the_file_s():
    counts = recompute(make_run(attempted=9, completed=7, output_tokens={SERVER: 70})).counts
    assert (counts.requests, counts.ok, counts.failed) == (9, 7, None)
    assert (counts.no_tokens, counts.one_token, counts.short) == (None, None, None)
    assert counts.output_tokens == {SERVER: 70}


def test_the_founding_report_as_totals():
    """One request of 4096 tokens at 29.95 ms, five of them visible, from what a table prints."""
    latency = 0.4 + 4095 * 0.02995
    means = {Metric.TTFT: (0.4, "ttft"), Metric.E2E: (latency, "e2e")}
    run = make_run(means=means, completed=1, output_tokens={TEXT: 5, SERVER: 4096})
    found = recompute(run)
    assert found.find("tpot_per_request", TEXT).mean == pytest.approx(30.66, abs=0.01)
    assert found.find("tpot_per_request", SERVER).mean == pytest.approx(0.02995)


def test_a_real_report():
    written = json.loads(real_file("inference_perf_batch_stage0.json").read_text())["successes"]
    latency = {key: each["mean"] for key, each in written["latency"].items() if each}
    size = written["count"]
    tokens = round(written["output_len"]["mean"] * size)
    means = {
        Metric.TTFT: (latency["time_to_first_token"], "ttft"),
        Metric.E2E: (latency["request_latency"], "e2e"),
    }
    found = recompute(make_run(means=means, completed=size, output_tokens={TEXT: tokens}))
    steps = found.find("tpot_token_weighted", TEXT).mean
    by_hand = (latency["request_latency"] - latency["time_to_first_token"]) * size
    assert steps == pytest.approx(by_hand / (tokens - size), rel=1e-12)
    # Outputs of this run are nearly of one length: the tool's mean over requests has to be close.
    whole = found.find("tpot_with_first", TEXT).mean
    assert whole == pytest.approx(latency["normalized_time_per_output_token"], rel=0.05)


def test_every_key_is_a_definition():
    rows = make_requests(
        {SERVER: [5]}, [1.0], [2.0], gaps=[[0.25] * 4], queue_s=[0.1], start_s=[0.0]
    )
    found = recompute(make_run(rows, duration_s=2.0))
    assert set(found.summaries) == set(definitions())
