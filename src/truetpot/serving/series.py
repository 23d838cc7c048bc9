"""Runs that form a series: how the time per token grows with the depth, and with the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

import numpy as np

from truetpot.records.check import SlopeRow

Over = Literal["depth", "batch"]
SAME = 1.05
"""Factor within which contexts, or batches, are one point of a series."""
ALIKE = 1.25
"""Factor within which contexts, or batches, are taken for the same."""
APART = 1.5
"""Factor by which they have to differ over a series."""
PER_TOKENS = 1000
"""Of context, for a slope over depth."""


@dataclass(frozen=True)
class Point:
    """One run of a series."""

    series: tuple[str, ...]
    """What has to be the same: tool, model, format, card."""
    context: float
    batch: float
    token_s: float
    floor_s: float | None = None
    file: str = ""


def slopes(points: Iterable[Point]) -> list[SlopeRow]:
    """A slope of each series that has one, by least squares; times in ms.

    Over depth: runs of about one batch whose contexts differ; over the batch: the other way round.
    """
    found = []
    ordered = sorted(points, key=lambda point: point.series)
    for series, group in groupby(ordered, key=lambda point: point.series):
        runs = list(group)
        name = ", ".join(filter(None, series))
        for part in _parts(runs, _context, _batch):
            found += _slopes_of(name, "depth", _context, PER_TOKENS, part)
        for part in _parts(runs, _batch, _context):
            found += _slopes_of(name, "batch", _batch, 1, part)
    return found


def _slopes_of(
    name: str, over: Over, x: Callable[[Point], float], per: int, part: Sequence[Point]
) -> list[SlopeRow]:
    """One slope; where runs at one point contradict each other, as they do with a setting that no
    file states, one of each file, and none of a file that contradicts itself."""
    if not _contradict(part, x):
        return [_slope(name, over, x, per, part)]
    found = []
    for file, group in groupby(sorted(part, key=lambda point: point.file), lambda p: p.file):
        runs = list(group)
        if _is_series(runs, x) and not _contradict(runs, x):
            found.append(_slope(f"{name}, {Path(file).name}", over, x, per, runs))
    return found


def _contradict(part: Sequence[Point], x: Callable[[Point], float]) -> bool:
    """Whether two runs at one point differ by more than runs of one thing do."""
    times: list[float] = []
    at = 0.0
    for point in sorted(part, key=x):
        if not times or x(point) > SAME * at:
            times, at = [], x(point)
        times.append(point.token_s)
        if max(point.token_s, times[0]) > ALIKE * min(point.token_s, times[0]):
            return True
    return False


def _is_series(part: Sequence[Point], x: Callable[[Point], float]) -> bool:
    return bool(part) and max(map(x, part)) >= APART * max(1.0, min(map(x, part)))


def _context(point: Point) -> float:
    return point.context


def _batch(point: Point) -> float:
    return point.batch


def _parts(
    runs: Sequence[Point], x: Callable[[Point], float], other: Callable[[Point], float]
) -> list[list[Point]]:
    """Runs that are alike in the other quantity and unlike in this one."""
    parts: list[list[Point]] = []
    for point in sorted(runs, key=other):
        if parts and other(point) <= ALIKE * max(1.0, other(parts[-1][0])):
            parts[-1].append(point)
        else:
            parts.append([point])
    return [part for part in parts if _is_series(part, x)]


def _slope(
    name: str,
    over: Over,
    x: Callable[[Point], float],
    per: int,
    part: Sequence[Point],
) -> SlopeRow:
    at = np.array([x(point) / per for point in part])
    grows, base = np.polyfit(at, [point.token_s * 1e3 for point in part], 1)
    floors = [point.floor_s * 1e3 for point in part if point.floor_s is not None]
    bound = float(np.polyfit(at, floors, 1)[0]) if len(floors) == len(part) else None
    return SlopeRow(
        series=name,
        over=over,
        runs=len(part),
        least=min(map(x, part)),
        most=max(map(x, part)),
        ms_per_step=float(grows),
        ms_at_zero=float(base),
        floor_ms_per_step=bound,
    )
