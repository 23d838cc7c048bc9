"""Quantiles of Student's t distribution, without SciPy."""

from __future__ import annotations

import math
from statistics import NormalDist

MANY = 200
"""Degrees of freedom from which on a series gives the quantile to 1e-9."""


def student(probability: float, freedom: int) -> float:
    """The quantile of Student's t above its centre; ``probability`` from 0.5 to below 1."""
    if freedom > MANY:
        return _by_series(probability, freedom)
    low, high = 0.0, 2.0
    while _cumulated(high, freedom) < probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        if _cumulated(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return high


def _by_series(probability: float, freedom: int) -> float:
    """Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))


def _cumulated(t: float, freedom: int) -> float:
    """P(T <= t) for t >= 0, exact for whole degrees of freedom.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    angle = math.atan2(t, math.sqrt(freedom))
    square = math.cos(angle) ** 2
    if freedom % 2:
        term, total = math.cos(angle), 0.0
        for k in range(1, freedom - 1, 2):
            total += term
            term *= square * (k + 1) / (k + 2)
        inside = 2 / math.pi * (angle + math.sin(angle) * total)
    else:
        term, total = 1.0, 0.0
        for k in range(0, freedom - 1, 2):
            total += term
            term *= square * (k + 1) / (k + 2)
        inside = math.sin(angle) * total
    return (1 + inside) / 2
