"""Figures of one card that are no longer what they were."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from truetpot.fleet.apart import robust_limit
from truetpot.fleet.changes import changed
from truetpot.fleet.history import Machine
from truetpot.fleet.limits import limit
from truetpot.fleet.seen import Key, Seen, Value
from truetpot.records.fleet import Drift
from truetpot.stats.outliers import LEAST_SPREAD, NORMAL

Points = Sequence[tuple[Seen, Value]]


def drifts(found: Sequence[Machine]) -> list[Drift]:
    """Each card's newest value of a figure against its own before, the farthest first.

    How much a healthy card varies from run to run is taken from all cards of its kind: from the
    differences of neighbouring runs, without the newest, so that neither a trend nor what is to be
    found hides itself.
    """
    series = [
        (machine, key, points)
        for machine in found
        for (key, _), points in machine.series().items()
        if len(points) >= limit("least_runs") and points[0][0].at
    ]
    steps: dict[Key, list[float]] = defaultdict(list)
    for _, key, points in series:
        steps[key] += _steps(points)
    noise = {
        key: max(LEAST_SPREAD, NORMAL * median(kept) / math.sqrt(2)) for key, kept in steps.items()
    }
    most = {key: robust_limit(len(kept), len(series)) for key, kept in steps.items()}
    rows = (_drift(machine, key, points, noise[key], most[key]) for machine, key, points in series)
    return sorted((row for row in rows if row is not None), key=lambda row: -abs(row.relative))


def _steps(points: Points) -> Iterator[float]:
    """From run to run, relative to their median."""
    values = [value.value for _, value in points[:-1]]
    middle = median(values)
    return (abs(after - before) / middle for before, after in pairwise(values))


def _drift(machine: Machine, key: Key, points: Points, noise: float, most: float) -> Drift | None:
    *earlier, now = (value.value for _, value in points)
    before = median(earlier)
    relative = (now - before) / before
    # the variance of a median of n normal values is pi / 2n of one's
    robust = relative / (noise * math.sqrt(1 + math.pi / (2 * len(earlier))))
    if abs(relative) <= limit("drift") or abs(robust) <= most:
        return None
    return Drift(
        machine=machine.name, device=points[-1][1].device, group=key.group, level=key.level,
        test=key.test, figure=key.figure, unit=key.unit, runs=len(points), before=before, now=now,
        relative=relative, robust=robust,
        worse=relative < 0 if key.better == "higher" else relative > 0,
        since=points[0][0].at, changed=changed(points[-2][0], points[-1][0]),
    )  # fmt: skip
