"""Every definition over single requests, against loops in Python that follow its formula."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.metrics.samples import (
    assert_summary,
    loops,
    make_requests,
    make_run,
    numpy_only,
    reference,
)
from truetpot.serving.metrics import definitions, recompute
from truetpot.serving.records import Counting, Setting

SERVER, TEXT, ASKED = Counting.SERVER, Counting.RETOKENISED, Counting.REQUESTED
NAN = math.nan

TIME = st.one_of(st.floats(0.001, 50), st.just(NAN))
COUNT = st.integers(-1, 5)
ROW = st.fixed_dictionaries(
    {
        "ok": st.booleans(),
        "ttft": TIME,
        "latency": TIME,
        "queue": TIME,
        "start": TIME,
        "gaps": st.lists(st.floats(0, 5), max_size=6),
        SERVER: COUNT,
        TEXT: COUNT,
    }
)


def by_formula(rows, key, counting):
    """(values, weights) of the definition, written out again, and why rows are left out."""
    values, weights, excluded = [], [], {}
    for row in rows:
        n = row.get(counting)
        formulas = {
            "ttft": lambda row=row: row["ttft"],
            "e2e": lambda row=row: row["latency"],
            "queue": lambda row=row: row["queue"],
            "tpot": lambda row=row, n=n: (row["latency"] - row["ttft"]) / (n - 1),
            "itl": lambda row=row, n=n: math.fsum(row["gaps"]) / (n - 1) if row["gaps"] else NAN,
            "whole": lambda row=row, n=n: row["latency"] / n,
        }
        formula, weight, least = {
            "ttft": ("ttft", 1, None),
            "e2e": ("e2e", 1, None),
            "queue": ("queue", 1, None),
            "tpot_per_request": ("tpot", 1, 2),
            "tpot_token_weighted": ("tpot", (n or 0) - 1, 2),
            "itl_per_token": ("itl", (n or 0) - 1, 2),
            "e2e_per_token": ("whole", 1, 1),
            "tpot_with_first": ("whole", n, 1),
        }[key]
        if not row["ok"]:
            reason = "failed"
        elif least and n < 0:
            reason = "no count"
        elif least and n < least:
            reason = ["no tokens", "one token"][n]
        elif math.isnan(value := formulas[formula]()):
            reason = "no time"
        else:
            values.append(value)
            weights.append(weight)
            continue
        excluded[reason] = excluded.get(reason, 0) + 1
    return values, weights, excluded


def requests_of(rows):
    column = {key: [row[key] for row in rows] for key in rows[0]}
    return make_requests(
        {SERVER: column[SERVER], TEXT: column[TEXT]},
        column["ttft"],
        column["latency"],
        ok=column["ok"],
        gaps=column["gaps"],
        queue_s=column["queue"],
        start_s=column["start"],
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=14))
def test_every_definition_by_every_count(rows):
    found = recompute(make_run(requests_of(rows)))
    for key, definition in definitions().items():
        if key in ("itl_per_chunk", "decode_throughput", "window_throughput"):
            continue
        for counting in (SERVER, TEXT) if definition.counted else (None,):
            values, weights, excluded = by_formula(rows, key, counting)
            summary = found.find(key, counting)
            assert (summary is None) == (not values)
            if summary:
                assert summary.count == len(values)
                assert summary.excluded == excluded
                assert not summary.from_totals
                assert_summary(summary, reference(values, weights))


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=14))
def test_gaps_are_pooled_over_requests_that_did_not_fail(rows):
    pooled = [gap for row in rows if row["ok"] for gap in row["gaps"]]
    for path in (numpy_only, loops):
        with path():
            summary = recompute(make_run(requests_of(rows))).find("itl_per_chunk")
        assert (summary is None) == (not pooled)
        if summary:
            assert summary.count == len(pooled)
            assert_summary(summary, reference(pooled))
            assert summary.excluded.get("failed", 0) == sum(not row["ok"] for row in rows)
            none = sum(row["ok"] and not row["gaps"] for row in rows)
            assert summary.excluded.get("no time", 0) == none


@settings(max_examples=100, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=8), st.floats(0.1, 100))
def test_throughput(rows, duration):
    found = recompute(make_run(requests_of(rows), duration_s=duration))
    ok = [row for row in rows if row["ok"]]
    for counting in (SERVER, TEXT):
        summary = found.find("decode_throughput", counting)
        if not ok or any(row[counting] < 0 for row in ok):
            assert summary is None
        else:
            tokens = sum(row[counting] for row in ok)
            assert summary.mean == pytest.approx(tokens / duration, rel=1e-14)
            assert math.isnan(summary.median) and summary.from_totals
        timed = [row for row in ok if not math.isnan(row["start"] + row["latency"])]
        summary = found.find("window_throughput", counting)
        if not timed or any(row[counting] < 0 for row in ok):
            assert summary is None
        else:
            window = max(r["start"] + r["latency"] for r in timed) - min(r["start"] for r in timed)
            tokens = sum(row[counting] for row in timed)
            assert summary.mean == pytest.approx(tokens / window, rel=1e-14)
            assert summary.count == len(timed)


@pytest.mark.parametrize("counting", [*Counting])
def test_any_count_may_be_the_only_one(counting):
    run = make_run(make_requests({counting: [5, 3]}, [0.5, 0.5], [2.5, 1.5]))
    found = recompute(run)
    assert found.find("tpot_per_request", counting).mean == 0.5
    assert found.find("tpot_with_first", counting).mean == 0.5
    assert [*found.summaries["tpot_per_request"]] == [counting]
    assert "itl_per_token" not in found.summaries, "the file has no gaps"
    assert "queue" not in found.summaries
    assert found.find("decode_throughput", counting) is None, "nor a duration"


def test_the_mean_over_requests_is_not_the_mean_over_tokens():
    run = make_run(make_requests({SERVER: [3, 1001]}, [1.0, 1.0], [3.0, 11.0]))
    found = recompute(run)
    assert found.find("tpot_per_request", SERVER).mean == pytest.approx((1 + 0.01) / 2)
    assert found.find("tpot_token_weighted", SERVER).mean == pytest.approx(12 / 1002)
    assert found.find("e2e_per_token", SERVER).mean == pytest.approx((1 + 11 / 1001) / 2)
    assert found.find("tpot_with_first", SERVER).mean == pytest.approx(14 / 1004)


def test_gaps_of_single_tokens_are_pooled_and_are_no_chunks():
    gaps = [[0.1, 0.1, 0.3], [0.2]]
    rows = make_requests(
        {SERVER: [4, 2], ASKED: [8, 8]},
        [1.0, 1.0],
        [1.5, 1.2],
        gaps=gaps,
        gap_unit_is_token=True,
    )
    found = recompute(make_run(rows))
    assert "itl_per_chunk" not in found.summaries
    assert found.find("itl_per_token", SERVER).count == 4, "gaps"
    assert_summary(found.find("itl_per_token", SERVER), reference([0.1, 0.1, 0.3, 0.2]))
    asked = reference([0.5 / 7, 0.2 / 7], [7, 7])
    assert found.find("itl_per_token", ASKED).mean == pytest.approx(asked.mean)


def test_two_tokens_a_chunk_double_the_chunk_s_time_and_no_other():
    """The published 32.37 ms TPOT beside 64.87 ms ITL: 255 gaps for 511 intervals."""
    gap = (17.06 - 0.5201) / 255
    rows = make_requests({SERVER: [512]}, [0.5201], [17.06], gaps=[[gap] * 255])
    found = recompute(make_run(rows))
    assert found.find("itl_per_chunk").mean == pytest.approx(0.06487, abs=1e-5)
    assert found.find("itl_per_token", SERVER).mean == pytest.approx(0.03237, abs=1e-5)
    assert found.find("tpot_per_request", SERVER).mean == pytest.approx(0.03237, abs=1e-5)


@pytest.mark.parametrize("visible", [2, 5, 6, 30])
@pytest.mark.parametrize(("decoded", "step"), [(4096, 0.02995), (1024, 0.0123)])
def test_a_visible_denominator_stands_beside_the_true_one(visible, decoded, step):
    latency = 1.5 + (decoded - 1) * step
    rows = make_requests(
        {TEXT: [visible] * 3, SERVER: [decoded] * 3}, [1.5] * 3, [latency] * 3, counting=TEXT
    )
    found = recompute(make_run(rows), requested_output_tokens=decoded)
    inflated = step * (decoded - 1) / (visible - 1)
    assert found.find("tpot_per_request", TEXT).mean == pytest.approx(inflated)
    assert found.find("tpot_per_request", SERVER).mean == pytest.approx(step)
    assert found.counts.short == 3


def test_counts():
    rows = make_requests(
        {TEXT: [0, 1, 5, 9, -1, 7], SERVER: [10] * 6},
        [0.1] * 6,
        [1.0] * 6,
        ok=[True, True, True, True, True, False],
        counting=TEXT,
    )
    counts = recompute(make_run(rows), requested_output_tokens=10).counts
    assert (counts.requests, counts.ok, counts.failed) == (6, 5, 1)
    assert (counts.no_tokens, counts.one_token) == (1, 1)
    assert counts.short == 3, "0, 1 and 5 of 10; 9 is enough and -1 unknown"
    assert counts.output_tokens == {SERVER: 50}, "of the texts one is not counted"


@pytest.mark.parametrize(
    ("argument", "asked", "setting", "short"),
    [
        (None, None, None, None),
        (None, None, 10, 1),
        (4, None, 10, 0),
        (None, [8, 8], 10, 0),
        (20, [8, 8], 10, 2),
        (None, [0, -1], 10, None),
    ],
)
def test_short_is_of_what_was_asked_for(argument, asked, setting, short):
    """The argument goes before what each request was asked for, and that before the setting."""
    tokens = {SERVER: [8, 9]} | ({ASKED: asked} if asked else {})
    rows = make_requests(tokens, [0.1] * 2, [1.0] * 2)
    run = make_run(rows, setting=Setting(output_tokens=setting))
    assert recompute(run, argument).counts.short == short


@pytest.mark.parametrize("asked", [10, 30, 70, 4096, 1_000_000])
def test_ninety_per_cent_is_enough(asked):
    enough = -(-9 * asked // 10)
    rows = make_requests({SERVER: [enough, enough - 1]}, [0.1] * 2, [1.0] * 2)
    assert recompute(make_run(rows), asked).counts.short == 1


def test_requested_lengths_say_nothing_of_what_came():
    rows = make_requests({ASKED: [8, 8]}, [0.1] * 2, [1.0] * 2)
    assert recompute(make_run(rows), 100).counts.short is None


def test_counts_that_no_request_has():
    rows = make_requests({SERVER: [-1, -1]}, [0.1] * 2, [1.0] * 2)
    counts = recompute(make_run(rows), 100).counts
    assert (counts.no_tokens, counts.one_token, counts.short) == (None, None, None)
    assert counts.output_tokens == {}


@pytest.mark.parametrize("rows", [[], [False, False]])
def test_no_request_that_counts(rows):
    requests = make_requests(
        {SERVER: [4] * len(rows)},
        [1.0] * len(rows),
        [2.0] * len(rows),
        ok=rows,
        gaps=[[]] * len(rows),
    )
    found = recompute(make_run(requests, duration_s=1.0))
    assert found.summaries == {}
    assert found.counts.failed == len(rows)


def test_the_run_is_not_changed():
    rng = np.random.default_rng(2)
    rows = make_requests(
        {SERVER: [51] * 40}, rng.random(40), [26.0] * 40, gaps=[rng.random(50) for _ in range(40)]
    )
    arrays = rows.gaps.seconds, rows.gaps.offsets, rows.ttft_s, rows.tokens
    before = [array.copy() for array in arrays]
    for path in (numpy_only, lambda: loops(share=100, sample=10)):
        with path():
            recompute(make_run(rows))
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)
