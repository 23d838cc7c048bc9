"""Points as series: how the time per token grows with depth and concurrency, beside the ladder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from math import fsum
from typing import Literal

from msgspec.structs import replace

from truetpot.records.drive import DrivePoint, SeriesRow
from truetpot.records.words import PointStatus
from truetpot.stats.line import Line, fit_line

PART = 1.1
"""So many times the lowest concurrency's ratio to the step, and more, is the scheduler's or the
batching's: repeated runs differ by some per cent."""
PER_TOKENS = 1000
"""Of context, for a slope over depth."""


def series(points: Iterable[DrivePoint]) -> list[SeriesRow]:
    """Each line that two points or more make. Rounds of one point count by their mean."""
    known = [one for one in points if one.status is PointStatus.OK and one.token_ms is not None]
    means = [_mean(group) for group in _groups(known, _spot)]
    found = []
    for group in _groups(means, lambda one: (one.arm, one.concurrency)):
        row = _row(group, "depth", group[0].concurrency, lambda one: one.context, PER_TOKENS)
        found.append(row)
    for group in _groups(means, lambda one: (one.arm, one.input_tokens)):
        at = group[0].input_tokens or 1
        row = _row(group, "concurrency", at, lambda one: one.batch or one.concurrency, 1)
        found.append(row)
    return [row for row in found if row is not None]


def _spot(point: DrivePoint) -> tuple[str, int, int]:
    return point.arm or "", point.input_tokens or 0, point.concurrency


def _groups(
    points: Sequence[DrivePoint], key: Callable[[DrivePoint], tuple[object, ...]]
) -> list[list[DrivePoint]]:
    """In the order in which they first come."""
    keys = [key(one) for one in points]
    order = {one: i for i, one in reversed(list(enumerate(keys)))}
    ranked = sorted(points, key=lambda one: order[key(one)])
    return [list(group) for _, group in groupby(ranked, key=key)]


def _mean(rounds: Sequence[DrivePoint]) -> DrivePoint:
    """One point whose numbers are the means; null where a round lacks it."""

    def of(read: Callable[[DrivePoint], float | None]) -> float | None:
        values = [value for one in rounds if (value := read(one)) is not None]
        return fsum(values) / len(values) if len(values) == len(rounds) else None

    return replace(
        rounds[0],
        token_ms=of(lambda one: one.token_ms),
        context=of(lambda one: one.context),
        batch=of(lambda one: one.batch),
        step_ms=of(lambda one: one.step_ms),
        floor_ms=of(lambda one: one.floor_ms),
    )


def _row(
    group: Sequence[DrivePoint],
    over: Literal["depth", "concurrency"],
    at: int,
    x: Callable[[DrivePoint], float | None],
    per: int,
) -> SeriesRow | None:
    """None where the points do not differ in what the series is over."""
    ordered = sorted(
        ((value, one) for one in group if (value := x(one)) is not None), key=lambda pair: pair[0]
    )
    xs = [value / per for value, _ in ordered]
    line = _line(xs, [one.token_ms for _, one in ordered])
    if line is None:
        return None
    step = _line(xs, [one.step_ms for _, one in ordered])
    floor = _line(xs, [one.floor_ms for _, one in ordered])
    ratios = [one.token_ms / one.step_ms for _, one in ordered if one.token_ms and one.step_ms]
    whole = over == "concurrency" and len(ratios) == len(ordered)
    streams = [one.concurrency for _, one in ordered]
    return SeriesRow(
        arm=group[0].arm,
        over=over,
        at=at,
        points=len(ordered),
        least=ordered[0][0],
        most=ordered[-1][0],
        base_ms=line.base,
        slope_ms=line.slope,
        residual=max(map(abs, line.residuals)) if len(ordered) > 2 else None,
        step_base_ms=None if step is None else step.base,
        step_slope_ms=None if step is None else step.slope,
        floor_base_ms=None if floor is None else floor.base,
        floor_slope_ms=None if floor is None else floor.slope,
        ratios=ratios,
        parts_at=_parts(streams, ratios) if whole else None,
    )


def _line(xs: Sequence[float], ys: Sequence[float | None]) -> Line | None:
    values = [y for y in ys if y is not None and y > 0]
    return fit_line(xs, values) if len(values) == len(ys) else None


def _parts(streams: Sequence[int], ratios: Sequence[float]) -> int | None:
    """The first from which on all ratios are ``PART`` times that of the lowest, and more."""
    found = None
    for many, ratio in reversed(list(zip(streams, ratios, strict=True))[1:]):
        if ratio < PART * ratios[0]:
            break
        found = many
    return found
