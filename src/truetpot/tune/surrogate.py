"""A Gaussian process over a finite space: what those not timed may take.

The covariance of two configurations is ``exp(-sum of theta * distance)`` over the parameters. It is
rough, as times are where a tile no longer fits, and ``theta`` says of each parameter how much it
matters: it is fitted by marginal likelihood (Rasmussen and Williams, Gaussian Processes for Machine
Learning, 2006, 5.4.1). One more point costs a row of the Cholesky factor over the whole space.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from truetpot.tune.space import Ordinals

Floats = NDArray[np.float64]

CHANGED = 0.05
"""Of the distance between two values of a parameter: that they differ; the rest, how far apart."""
NOISE = 1e-3
"""Variance of a figure to begin with, over that of the space."""
WIDTH = 1.5
"""Deviation of log(theta) from 0 that is expected: keeps the fit sober while points are few."""
MOST_FITTED = 160
"""Points that theta is fitted to; the fastest half of them are in any case."""
_TINY = 1e-9


class Surrogate:
    """Mean and deviation of every configuration's figure, given some of them."""

    def __init__(self, ordinals: Ordinals) -> None:
        self._ordinals = ordinals
        self._scaled = ordinals / np.maximum(1, ordinals.max(axis=0, initial=0))
        self._theta = np.ones(ordinals.shape[1])
        self._noise = NOISE
        self._points: list[int] = []
        self._factor: list[Floats] = []
        self._solved: Floats = np.zeros((64, len(ordinals)))
        self._variance: Floats = np.ones(len(ordinals))

    def add(self, index: int) -> None:
        """Take a configuration in; its figure is given with :meth:`predict`."""
        row = np.exp(-self._distance(index) @ self._theta)
        count = len(self._points)
        if count == len(self._solved):
            self._solved = np.vstack([self._solved, np.zeros_like(self._solved)])
        left = self._solved[:count, index].copy()
        corner = math.sqrt(max(_TINY, 1 + self._noise - float(left @ left)))
        self._solved[count] = (row - left @ self._solved[:count]) / corner
        self._factor.append(np.append(left, corner))
        self._variance -= self._solved[count] ** 2
        self._points.append(index)

    def predict(self, figures: Floats) -> tuple[Floats, Floats]:
        """Mean and deviation of every configuration; ``figures`` in the order of :meth:`add`.

        They have mean 0 and deviation 1.
        """
        count = len(self._points)
        factor = np.zeros((count, count))
        for i, row in enumerate(self._factor):
            factor[i, : i + 1] = row
        weights = np.linalg.solve(factor, figures)
        scale = weights @ weights / count
        deviation = np.sqrt(np.maximum(self._variance, _TINY) * max(scale, _TINY))
        return weights @ self._solved[:count], deviation

    def fit(self, figures: Floats, rng: np.random.Generator) -> None:
        """Choose theta and the noise anew: a coordinate at a time, a step up or down."""
        points = np.array(self._points)
        if len(points) > MOST_FITTED:
            fastest = np.argsort(figures)
            rest = rng.permutation(fastest[MOST_FITTED // 2 :])[: MOST_FITTED // 2]
            chosen = np.append(fastest[: MOST_FITTED // 2], rest)
            points, figures = points[chosen], figures[chosen]
        apart = _apart(self._scaled[points][:, None], self._scaled[points][None])
        apart = (1 - CHANGED) * apart + CHANGED * (apart > 0)
        values = np.append(self._theta, self._noise)
        best = _surprise(apart, figures, values)
        for step in (3.0, 1.7):
            for which in rng.permutation(len(values)):
                for factor in (step, 1 / step):
                    tried = values.copy()
                    tried[which] *= factor
                    tried[:-1] = np.clip(tried[:-1], 0.01, 20)
                    tried[-1] = np.clip(tried[-1], 1e-4, 0.5)
                    if (surprise := _surprise(apart, figures, tried)) < best:
                        best, values = surprise, tried
        self._theta, self._noise = values[:-1], float(values[-1])
        known = self._points
        self._restart()
        for index in known:
            self.add(index)

    def _restart(self) -> None:
        self._points, self._factor = [], []
        self._variance = np.ones(len(self._ordinals))

    def _distance(self, index: int) -> Floats:
        apart = _apart(self._scaled, self._scaled[index])
        return (1 - CHANGED) * apart + CHANGED * (apart > 0)


def _apart(a: Floats, b: Floats) -> Floats:
    return np.abs(a - b)


def _surprise(apart: Floats, figures: Floats, values: Floats) -> float:
    """Negative log likelihood of the figures, the signal's variance profiled out, and the prior."""
    theta, noise = values[:-1], values[-1]
    covariance = np.exp(-apart @ theta)
    covariance[np.diag_indices_from(covariance)] += noise
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return np.inf
    weights = np.linalg.solve(factor, figures)
    count = len(figures)
    fitted = 0.5 * count * np.log(weights @ weights / count) + np.log(np.diag(factor)).sum()
    return float(fitted + np.sum(np.log(theta) ** 2) / (2 * WIDTH**2))
