"""Nothing is found where nothing is wrong, whatever the shape of the run."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from truetpot.serving.findings import find
from truetpot.serving.metrics import recompute
from truetpot.serving.records import Counting, Metric, Setting

PACE = st.floats(0.001, 0.3)


@st.composite
def clean(draw):
    """Keywords of a simulated run, and what is dropped or added afterwards."""
    requested = draw(st.none() | st.integers(2, 300))
    size = draw(st.integers(1, 12))
    lengths = st.lists(st.integers(1, 300), min_size=size, max_size=size)
    concurrency = draw(st.integers(1, 8))
    pace = draw(PACE)
    return {
        "lengths": [requested] * size if requested else draw(lengths),
        "pace_s": pace,
        "ttft_s": pace * draw(st.floats(2, 100)),
        "concurrency": concurrency,
        "jitter": draw(st.floats(0, 0.2)),
        "spread": draw(st.floats(0, 0.1)),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "from_gaps": draw(st.booleans()),
        "prompt": draw(st.integers(1, 8000)),
        "setting": Setting(
            max_concurrency=draw(st.sampled_from([None, concurrency])),
            request_rate=draw(st.sampled_from([None, float("inf")])),
            output_tokens=requested,
            ignore_eos=draw(st.sampled_from([None, True])) if requested else None,
        ),
    }


def texts_of(run):
    """English of four characters a token, a sixth of it blank; ended as they were meant to."""
    rows = run.requests
    chars = 4 * rows.tokens
    reason = "length" if run.setting.output_tokens else "stop"
    return replace(
        run,
        requests=replace(
            rows,
            text_chars=chars,
            blank_chars=chars // 6,
            finish_reasons=(reason,) * len(rows),
        ),
    )


def retokenised(run):
    """A second count, three percent off at most, now more and now less."""
    rows = run.requests
    sign = (-1) ** np.arange(len(rows))
    other = np.round(rows.tokens * (1 + 0.025 * sign)).astype(np.int64)
    columns = {**rows.output_tokens, Counting.RETOKENISED: other}
    totals = {**run.totals.output_tokens, Counting.RETOKENISED: int(other.sum())}
    return replace(
        run,
        requests=replace(rows, output_tokens=columns),
        totals=replace(run.totals, output_tokens=totals),
    )


def not_streamed(run):
    """End-to-end times alone, and the file says that it did not stream."""
    rows = run.requests
    return replace(
        run,
        requests=replace(
            rows, ttft_s=np.full(len(rows), np.nan), gaps=None, latency_from_gaps=False
        ),
        figures=tuple(figure for figure in run.figures if figure.metric is Metric.E2E),
        setting=replace(run.setting, streaming=False),
    )


@settings(max_examples=300, deadline=None)
@given(
    clean(),
    st.sets(st.sampled_from([texts_of, retokenised])),
    st.sampled_from(["rows", "aggregates", "no gaps", "not streamed"]),
    st.booleans(),
    st.booleans(),
)
def test_nothing_fires_on_a_clean_run(make, keywords, additions, shape, with_floor, real):
    run = make.simulated(**keywords)
    for add in additions:
        run = add(run)
    if shape == "aggregates":
        run = make.without_rows(run)
    if shape == "no gaps":
        run = replace(run, requests=replace(run.requests, gaps=None, latency_from_gaps=False))
    if shape == "not streamed":
        run = not_streamed(run)
    floor = make.steady(keywords["pace_s"] / 2, keywords["pace_s"] / 2**20) if with_floor else None
    evidence = make.evidence(run, recompute if real else None, yardstick=floor)
    assert find(evidence) == []


@settings(max_examples=100, deadline=None)
@given(clean(), st.booleans())
def test_nor_where_the_tool_counts_the_first_token(make, keywords, rows):
    """As long as that changes little."""
    keywords["ttft_s"] = 2 * keywords["pace_s"]
    keywords["lengths"] = [n + 40 for n in keywords["lengths"]]
    keywords["setting"] = replace(keywords["setting"], output_tokens=None)
    run = make.simulated(**keywords)
    named = {Metric.TPOT: make.definition(Metric.TPOT, "tpot_with_first")}
    recomputed = make.by_hand(run)
    recomputed.summaries["tpot_with_first"] = recomputed.summaries["e2e_per_token"]
    wanted = {
        Metric.TTFT: ("ttft", None),
        Metric.TPOT: ("tpot_with_first", Counting.SERVER),
        Metric.E2E: ("e2e", None),
    }
    run = replace(run, definitions=named, figures=make.figures_of(recomputed, wanted))
    if not rows:
        run = make.without_rows(run)
    assert find(make.evidence(run)) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(clean(), min_size=2, max_size=3))
def test_nor_in_several_runs_of_one_file(make, several):
    noise = {"jitter": 0.1, "spread": 0.1}  # no two measurements are the same
    runs = tuple(make.simulated(**k | noise | {"seed": i}) for i, k in enumerate(several))
    for i, run in enumerate(runs):
        assert find(make.evidence(run, previous=runs[:i])) == []
