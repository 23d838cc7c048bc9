"""The median's interval where values come in groups: a bootstrap over requests, without drawing."""

from __future__ import annotations

import math

import numpy as np

from truetpot.stats.student import student

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

FEWEST = 8
"""Requests below which no interval is given."""


def median_interval(excess: Floats, total: float) -> tuple[float, float] | None:
    """Percentiles of the sample, in 0..100, between which its median lies with 95 % confidence.

    ``excess`` [requests] is the weight of each request's values up to the median, less half the
    weight of all its values; ``total`` is the weight of all requests. None below eight requests.

    A bootstrap draws requests with replacement, each with all its values: gaps of one request
    resemble each other, and to draw single gaps would promise far too much. The median of such a
    draw is at most m just if the excesses at m of the requests drawn sum to no less than zero. That
    sum has a known spread, ``sqrt(sum(excess**2) - sum(excess)**2 / requests)``, and tends to a
    normal distribution with the number of requests. So the bootstrap's percentile interval tends to
    ``50 -+ 100 * 1.96 * spread / total`` (Woodruff, Confidence intervals for medians and other
    position measures, JASA 47 (1952), doi 10.2307/2280781). Where every request has one value, that
    is the binomial interval of order statistics.

    It is used for every size, not only where drawing would take too long, because it covers better
    where there are few requests, given Student's quantile with ``requests - 1`` degrees of freedom
    in place of 1.96. With 8 requests of unlike gaps a drawn bootstrap of nominally 95 % covers the
    median in some 86 % of cases, this in some 92 %. It needs no seed, and one pass over the gaps.
    """
    requests = len(excess)
    if requests < FEWEST:
        return None
    variance = float(np.sum(excess**2) - np.sum(excess) ** 2 / requests)
    half = 100 * student(0.975, requests - 1) * math.sqrt(max(variance, 0.0)) / total
    return max(0.0, 50 - half), min(100.0, 50 + half)
