"""Whatever stands in a file, a detector says something or nothing: it never fails."""

import math

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from truetpot.serving.findings import Evidence, find, visible_counts
from truetpot.serving.records import (
    Counting,
    Figure,
    Gaps,
    Metric,
    Requests,
    Run,
    Setting,
    Totals,
)

NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, -1.0, math.nan, math.inf, -math.inf, 1e-300, 1e300, 1.0]),
    st.floats(),
    st.floats(1e-3, 1e3),
)
MAYBE = st.none() | NUMBERS
COUNT = st.sampled_from([-1, 0, 1, 2, 3, 512, 10**12, 2**62]) | st.integers(-1, 5000)
TOTAL = st.none() | COUNT
STATISTICS = ["mean", "median", "std", "min", "max", "p75", "p90", "p99", "p99.9"]

figures = st.lists(
    st.builds(
        Figure,
        st.sampled_from(Metric),
        st.sampled_from(STATISTICS),
        NUMBERS,
        st.just("key"),
        st.sampled_from(["s", "ms", "us", "ns"]),
    ),
    max_size=12,
).map(tuple)
totals = st.builds(
    Totals,
    MAYBE,
    TOTAL,
    TOTAL,
    TOTAL,
    TOTAL,
    st.dictionaries(st.sampled_from(Counting), COUNT, max_size=3),
    *[MAYBE] * 5,
)
setting = st.builds(
    Setting,
    request_rate=MAYBE,
    max_concurrency=TOTAL,
    batch=TOTAL,
    input_tokens=TOTAL,
    output_tokens=TOTAL,
    ignore_eos=st.none() | st.booleans(),
    streaming=st.none() | st.booleans(),
    tokens_per_step=MAYBE,
)


@st.composite
def requests(draw):
    n = draw(st.integers(1, 5))

    def column(values, dtype):
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), dtype)

    counting = draw(st.sampled_from(Counting))
    counts = {counting: column(COUNT, np.int64)}
    if draw(st.booleans()):
        counts[draw(st.sampled_from(Counting))] = column(COUNT, np.int64)
    lengths = column(st.integers(0, 4), np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    total = int(offsets[-1])
    seconds = np.array(draw(st.lists(NUMBERS, min_size=total, max_size=total)), np.float64)
    reasons = st.sampled_from(["", "stop", "length", "x"])
    small = st.integers(-1, 5000)
    return Requests(
        prompt_tokens=column(COUNT, np.int64),
        output_tokens=counts,
        counting=counting,
        ttft_s=column(NUMBERS, np.float64),
        latency_s=column(NUMBERS, np.float64),
        latency_from_gaps=draw(st.booleans()),
        ok=column(st.booleans(), bool),
        gaps=Gaps(seconds, offsets) if draw(st.booleans()) else None,
        gap_unit_is_token=draw(st.booleans()),
        text_chars=column(small, np.int64) if draw(st.booleans()) else None,
        blank_chars=column(small, np.int64) if draw(st.booleans()) else None,
        finish_reasons=tuple(column(reasons, str)) if draw(st.booleans()) else None,
        errors=draw(st.dictionaries(st.text(max_size=3), st.integers(1, 9), max_size=2)),
    )


runs = st.builds(
    Run,
    st.just("vllm"),
    st.just("made up"),
    st.just(""),
    st.just({}),
    figures,
    totals,
    setting,
    st.none() | requests(),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs, st.lists(runs, max_size=1), st.none() | st.integers(1, 10**6), st.booleans())
def test_no_run_breaks_a_detector(make, run, previous, requested, with_floor):
    floor = make.steady(0.01, 1e-6) if with_floor else None
    with np.errstate(all="ignore"):
        recomputed = make.by_hand(run)
    held = {"requested_output_tokens": requested, "previous": tuple(previous)}
    evidence = Evidence(run, recomputed, yardstick=floor, **held)
    for finding in find(evidence):
        assert finding.evidence
        assert finding.factor is None or (finding.factor > 0 and math.isfinite(finding.factor))
    assert len(visible_counts(evidence)) <= 100_000
