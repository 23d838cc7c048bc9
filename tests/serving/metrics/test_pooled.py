"""Gaps of all requests: the loops, NumPy and fractions have to agree."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.serving.metrics.samples import (
    assert_summary,
    loops,
    make_gaps,
    numpy_only,
    reference,
)
from truetpot.serving.metrics import PERCENTILES
from truetpot.serving.metrics.pooled import describe_gaps, percentiles, request_sums
from truetpot.serving.metrics.select import order_statistics
from truetpot.serving.metrics.spans import Spans

ODD = [0.0, -0.0, 5e-324, 1e-310, 0.03, 0.030000000000000002, -1.0, 1e6]
FINITE = st.one_of(st.floats(0, 1), st.floats(-1e150, 1e150), st.sampled_from(ODD))
ANY = st.one_of(FINITE, st.sampled_from([math.nan, math.inf, -math.inf]))


def ragged(values):
    """Lists of gaps, one a request, each with whether the request is kept."""
    one = st.tuples(st.lists(values, max_size=12), st.booleans())
    return st.lists(one, min_size=1, max_size=12)


def split(requests):
    lists, keep = zip(*requests, strict=True)
    gaps = [gap for each, kept in requests if kept for gap in each]
    return make_gaps(lists), np.array(keep), [gap for gap in gaps if not math.isnan(gap)]


@pytest.mark.parametrize("path", [numpy_only, loops, lambda: loops(share=5, sample=9)])
def test_finite_gaps_against_fractions(path):
    @settings(max_examples=60, deadline=None)
    @given(ragged(st.one_of(FINITE, st.just(math.nan))))
    @example([([], True), ([0.1, math.nan], True), ([], True), ([0.2], False)])
    @example([([math.nan], True)])
    @example([([0.5] * 12, True)] * 9)
    def check(requests):
        gaps, keep, expected = split(requests)
        with path():
            found = describe_gaps(gaps, keep)
        assert (found is None) == (not expected)
        if found:
            assert found.count == len(expected)
            assert_summary(found, reference(expected))

    check()


@pytest.mark.parametrize("path", [numpy_only, loops, lambda: loops(share=5, sample=9)])
def test_infinities_are_as_in_numpy(path):
    @settings(max_examples=60, deadline=None)
    @given(ragged(ANY))
    def check(requests):
        gaps, keep, expected = split(requests)
        with path(), np.errstate(invalid="ignore"):
            found = describe_gaps(gaps, keep)
        if not expected:
            assert found is None
            return
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(
                [*found.percentiles.values()], np.percentile(expected, PERCENTILES)
            )
            if not np.isfinite(expected).all():
                np.testing.assert_array_equal(found.mean, np.mean(expected))
        assert (found.min, found.max) == (min(expected), max(expected))

    check()


def distributions():
    """Name and 40000 gaps; what real files have and what selection may stumble over."""
    rng = np.random.default_rng(3)
    smooth = rng.lognormal(-3.5, 0.4, 40_000)
    yield "smooth", smooth
    yield "ascending", np.sort(smooth)
    yield "milliseconds", np.round(smooth, 3)
    yield "one value", np.full(40_000, 0.03)
    yield "half zero", np.where(rng.random(40_000) < 0.5, 0.0, smooth)
    yield "half the median", np.where(rng.random(40_000) < 0.5, np.median(smooth), smooth)
    yield "two chunks", np.where(rng.random(40_000) < 0.49, 5e-5, smooth)
    yield "all scales", 10.0 ** rng.uniform(-300, 100, 40_000)
    yield "signs", rng.normal(size=40_000)
    yield "NaN", np.where(rng.random(40_000) < 0.9, math.nan, smooth)
    yield "infinite", np.where(rng.random(40_000) < 0.3, math.inf, smooth)


@pytest.mark.parametrize(("name", "seconds"), [*distributions()])
@pytest.mark.parametrize("sample", [64, 1 << 17])
def test_many_gaps_give_the_same_doubles_on_both_paths(name, seconds, sample):
    rng = np.random.default_rng(1)
    offsets = np.sort(rng.integers(0, len(seconds), 499))
    pieces = np.split(seconds, offsets)
    gaps = make_gaps(pieces)
    keep = rng.random(500) < 0.9
    with numpy_only(), np.errstate(all="ignore"):
        expected, sums = describe_gaps(gaps, keep), request_sums(gaps)
    with loops(share=3000, sample=sample):
        found, found_sums = describe_gaps(gaps, keep), request_sums(gaps)
    # as repr, which holds every double apart and NaN equal to itself
    assert repr(found) == repr(expected)
    np.testing.assert_array_equal(found_sums, sums)
    chosen = np.concatenate([gap for gap, kept in zip(pieces, keep, strict=True) if kept])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(
            [*found.percentiles.values()],
            np.percentile(chosen[~np.isnan(chosen)], PERCENTILES),
        )


@given(st.lists(st.lists(FINITE, max_size=300), max_size=6))
@example([[], []])
@settings(max_examples=60, deadline=None)
def test_request_sums(lists):
    gaps = make_gaps(lists)
    for path in (numpy_only, loops, lambda: loops(share=5)):
        with path():
            found = request_sums(gaps)
        assert len(found) == len(lists)
        for total, values in zip(found, lists, strict=True):
            one_bit = 2.3e-16 * math.fsum(map(abs, values))  # the sum may be halfway
            assert total == pytest.approx(math.fsum(values), rel=0, abs=one_bit)


def test_request_sums_of_what_is_no_number():
    gaps = make_gaps([[0.1, math.nan], [math.inf, 0.1], [], [math.inf, -math.inf], [0.1] * 10])
    for path in (numpy_only, loops):
        with path(), np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(
                request_sums(gaps), [math.nan, math.inf, 0.0, math.nan, 1.0]
            )


@pytest.mark.parametrize("wanted", [PERCENTILES, (0, 100), (50,), (99.999, 0.001)])
def test_percentiles_are_numpy_s(wanted):
    seconds = np.random.default_rng(4).lognormal(-3.5, 0.4, 100_001)
    found = percentiles(make_gaps([seconds]), wanted)
    assert [*found] == [*wanted]
    np.testing.assert_array_equal([*found.values()], np.percentile(seconds, wanted))


@pytest.mark.parametrize("lie", [[], [0.0], [1e9, 1e9, 1e9], [-math.inf, math.inf]])
def test_a_sample_that_misleads_costs_passes_and_no_exactness(lie, monkeypatch):
    seconds = np.random.default_rng(5).lognormal(-3.5, 0.4, 10_000)
    monkeypatch.setattr(Spans, "sample", lambda self, size: np.array(lie))
    spans = Spans.of(make_gaps([seconds]), np.array([True]))
    ranks = [0, 17, 5000, 9998, 9999]
    found = order_statistics(spans, 10_000, ranks)
    assert found == dict(zip(ranks, np.sort(seconds)[ranks], strict=True))


def test_spans_are_the_kept_gaps_in_order():
    rng = np.random.default_rng(6)
    lists = [rng.random(size) for size in (3, 0, 50, 1, 0, 0, 7, 20, 2)]
    for keep in ([True] * 9, [False] * 9, [True, False] * 4 + [True], [False] * 8 + [True]):
        with loops(share=8):
            spans = Spans.of(make_gaps(lists), np.array(keep))
            runs = spans.each(
                lambda values, *ends: [values[a:b] for a, b in zip(*ends, strict=True)]
            )
        assert all(len(run) <= 8 for share in runs for run in share)
        found = [gap for share in runs for run in share for gap in run]
        assert found == [
            gap for each, kept in zip(lists, keep, strict=True) if kept for gap in each
        ]


def test_neighbouring_requests_are_one_run():
    spans = Spans.of(make_gaps([[1.0] * 5] * 1000), np.ones(1000, bool))
    assert (spans.starts.tolist(), spans.stops.tolist()) == ([0], [5000])


MEMORY = """
import resource, sys
import numpy as np
from truetpot.serving.metrics.pooled import describe_gaps, request_sums
from truetpot.serving.records import Gaps

def run(count):
    seconds = np.empty(count)
    for at in range(0, count, 1 << 20):
        seconds[at : at + (1 << 20)] = np.random.default_rng(at).lognormal(
            -3.5, 0.4, min(1 << 20, count - at)
        )
    gaps = Gaps(seconds, np.arange(0, count + 1, 500))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    describe_gaps(gaps, np.ones(count // 500, bool))
    request_sums(gaps)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

run(1_500_000)  # loads numba and compiles
print(run(20_000_000) / (20_000_000 * 8 / 1024))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_memory_beside_the_gaps_is_a_small_share_of_theirs():
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 0.15
