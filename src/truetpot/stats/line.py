"""A line through a few points, with what it leaves of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Line:
    """y = base + slope x, in the units of what it was fitted to."""

    base: float
    slope: float
    residuals: tuple[float, ...]
    """y less the line at each point, over y."""

    def at(self, x: float) -> float:
        """The line's value at ``x``."""
        return self.base + self.slope * x


def fit_line(x: Sequence[float], y: Sequence[float]) -> Line | None:
    """The line with the least squares of relative residuals; None for fewer than two x's.

    Relative, because a time is known to a share of itself: the longest would decide otherwise.
    Two points leave no residual. ``y`` are positive.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(set(xs.tolist())) < 2:
        return None
    scale = max(float(np.abs(xs).max()), 1.0)
    columns = np.stack([np.ones_like(xs), xs / scale], axis=1) / ys[:, None]
    (base, slope), *_ = np.linalg.lstsq(columns, np.ones_like(ys), rcond=None)
    left = (ys - base - slope / scale * xs) / ys
    return Line(float(base), float(slope) / scale, tuple(left.tolist()))
