"""A sample described in NumPy: one value a request, or few enough gaps to sort."""

from __future__ import annotations

import math

import numpy as np

from truetpot.serving.metrics.order import interpolate
from truetpot.serving.metrics.summary import PERCENTILES, Summary
from truetpot.serving.records import Floats, Ints
from truetpot.stats.clustered import median_interval


def fsum(values: Floats) -> float:
    """The correctly rounded sum; what plain additions give (inf or NaN) where there is none."""
    try:
        return math.fsum(values.tolist())
    except (OverflowError, ValueError):
        return float(np.sum(values))


def describe(values: Floats, weights: Ints | None = None, requests: Ints | None = None) -> Summary:
    """The summary of at least one value [values]; none is NaN.

    With `weights` >= 1, every statistic is what it would be if each value stood there that many
    times; ``count`` is of the values all the same. `requests` [values] says whose value each is,
    from 0 and without holes, for the interval of the median; without it each is its own request's.
    Sums are correctly rounded (math.fsum); ``std`` is the population's, as numpy.std.
    """
    order = np.argsort(values)
    ordered = values[order]
    weight = np.ones_like(order) if weights is None else weights[order]
    up_to = np.cumsum(weight)
    total = int(up_to[-1])

    def percentile(q: float) -> float:
        return interpolate(
            lambda rank: float(ordered[np.searchsorted(up_to, rank, side="right")]), total, q
        )

    mean = fsum(ordered * weight) / total
    median = percentile(50)
    excess = weight * ((ordered <= median) - 0.5)
    if requests is not None:
        excess = np.bincount(requests[order], excess)
    ends = median_interval(excess, total)
    cut = total // 10
    kept = np.clip(up_to, cut, total - cut) - np.clip(up_to - weight, cut, total - cut)
    inner = kept > 0
    squares = (ordered - mean) ** 2 * weight
    return Summary(
        count=len(values),
        mean=mean,
        median=median,
        median_ci=(percentile(ends[0]), percentile(ends[1])) if ends else None,
        trimmed_mean=fsum(ordered[inner] * kept[inner]) / (total - 2 * cut),
        std=math.sqrt(fsum(squares) / total),
        min=float(ordered[0]),
        max=float(ordered[-1]),
        percentiles={q: percentile(q) for q in PERCENTILES},
    )
