"""Runs made in memory, the paths by which gaps are described, and a slow exact reference."""

import math
import statistics
from contextlib import contextmanager
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from truetpot.serving.metrics import PERCENTILES, pooled
from truetpot.serving.records import (
    Counting,
    Definition,
    Figure,
    Gaps,
    Metric,
    Requests,
    Run,
    Setting,
    Totals,
)


def make_gaps(lists):
    """Lists of gaps, one a request, as Gaps."""
    flat = [np.asarray(each, np.float64) for each in lists]
    offsets = np.cumsum([0, *map(len, lists)])
    return Gaps(np.concatenate([np.empty(0), *flat]), offsets.astype(np.int64))


def make_requests(tokens, ttft, latency, *, ok=None, counting=None, gaps=None, **more):
    """`tokens` maps each Counting to a list; the others are lists by request."""
    counts = {key: np.array(each, np.int64) for key, each in tokens.items()}
    size = len(ttft)
    return Requests(
        prompt_tokens=np.full(size, 8, np.int64),
        output_tokens=counts,
        counting=counting or next(iter(counts), Counting.SERVER),
        ttft_s=np.array(ttft, np.float64),
        latency_s=np.array(latency, np.float64),
        latency_from_gaps=False,
        ok=np.ones(size, bool) if ok is None else np.array(ok, bool),
        gaps=None if gaps is None else make_gaps(gaps),
        **{name: np.array(each) if isinstance(each, list) else each for name, each in more.items()},
    )


def make_run(requests=None, means=(), setting=None, **totals):
    """`means` maps a metric to its mean in seconds and the canonical definition it has."""
    means = dict(means)
    definition = {
        metric: Definition(metric, metric, canonical, "", Counting.SERVER, "", "", "")
        for metric, (_, canonical) in means.items()
    }
    figures = [Figure(Metric(key), "mean", value, key, "s") for key, (value, _) in means.items()]
    return Run(
        tool="test",
        variant="",
        place="",
        definitions=definition,
        figures=tuple(figures),
        totals=Totals(**totals),
        setting=setting or Setting(),
        requests=requests,
    )


@contextmanager
def loops(share=1 << 19, sample=1 << 17):
    """Gaps go through the numba loops however few they are, in shares of that many."""
    from truetpot.serving.metrics import select, spans

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooled, "FEW", 0)
        patch.setattr(spans, "SHARE", share)
        patch.setattr(select, "_SAMPLE", sample)
        yield


@contextmanager
def numpy_only():
    """Gaps are sorted in NumPy however many they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooled, "FEW", 10**12)
        yield


def reference(values, weights=None):
    """What a summary of finite values has to be: each as often as its weight, in fractions."""
    weights = [1] * len(values) if weights is None else weights
    ordered = sorted(v for v, w in zip(values, weights, strict=True) for _ in range(w))
    n, cut = len(ordered), len(ordered) // 10
    fractions = [*map(Fraction, ordered)]
    mean = sum(fractions) / n
    return SimpleNamespace(
        mean=float(mean),
        trimmed_mean=float(sum(fractions[cut : n - cut]) / (n - 2 * cut)),
        std=math.sqrt(sum((v - mean) ** 2 for v in fractions) / n),
        min=ordered[0],
        max=ordered[-1],
        median=statistics.median(ordered),
        percentiles=dict(zip(PERCENTILES, np.percentile(ordered, PERCENTILES), strict=True)),
    )


def assert_summary(found, expected):
    """Percentiles to the last bit, sums to 1e-12."""
    assert found.percentiles == expected.percentiles
    assert found.median == found.percentiles[50]
    assert (found.min, found.max) == (expected.min, expected.max)
    scale = 1e-12 * max(abs(expected.min), abs(expected.max)) + 1e-320
    assert found.median == pytest.approx(expected.median, rel=0, abs=scale)
    for name in ("mean", "trimmed_mean"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-12, abs=scale)
    assert found.std == pytest.approx(expected.std, rel=1e-9, abs=scale)
