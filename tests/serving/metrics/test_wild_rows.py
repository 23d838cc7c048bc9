"""Requests of which a file says what cannot be: no error, and each is counted or left out."""

import math
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.metrics.samples import loops, make_requests, make_run, numpy_only
from truetpot.serving.metrics import recompute
from truetpot.serving.records import Counting

SERVER, NAN = Counting.SERVER, math.nan
PATHS = numpy_only, lambda: loops(share=3, sample=5)
WILD = st.floats()
WILD_COUNT = st.one_of(st.integers(-1, 5), st.integers(-(2**63), 2**63 - 1), st.just(2**40))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(WILD_COUNT, WILD, WILD, WILD, st.booleans(), st.lists(WILD, max_size=4)),
        min_size=1,
        max_size=12,
    ),
    WILD,
    st.one_of(st.none(), st.integers(-1, 2**63 - 1)),
)
def test_nothing_that_a_file_may_hold_is_an_error(rows, duration, asked):
    tokens, ttft, latency, start, ok, gaps = map(list, zip(*rows, strict=True))
    requests = make_requests({SERVER: tokens}, ttft, latency, ok=ok, gaps=gaps, start_s=start)
    for path in PATHS:
        with path(), warnings.catch_warnings():
            warnings.simplefilter("error")
            found = recompute(make_run(requests, duration_s=duration), asked)
    for summaries in found.summaries.values():
        for summary in summaries.values():
            assert summary.count + sum(summary.excluded.values()) >= len(rows)


@pytest.mark.parametrize("path", PATHS)
def test_gaps_of_which_none_is_a_number_are_no_time(path):
    gaps = [[0.1, NAN], [NAN], [], [NAN, NAN], [0.3]]
    rows = make_requests({SERVER: [3] * 5}, [1.0] * 5, [2.0] * 5, gaps=gaps)
    assert rows.gaps.numbers().tolist() == [1, 0, 0, 0, 1]
    with path():
        found = recompute(make_run(rows, duration_s=4.0)).find("itl_per_chunk", None)
    assert (found.count, found.excluded) == (2, {"no time": 3})


@pytest.mark.parametrize("count", [2**40 + 1, 2**62, -5])
def test_a_count_that_cannot_be_is_none(count):
    rows = make_requests({SERVER: [5, count]}, [1.0] * 2, [2.0] * 2)
    found = recompute(make_run(rows, duration_s=4.0), 100)
    assert found.find("tpot_per_request", SERVER).excluded == {"no count": 1}
    assert found.find("decode_throughput", SERVER) is None
    assert found.counts.output_tokens == {}
    assert found.counts.short == 1
