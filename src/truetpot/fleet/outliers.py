"""Which values of a figure lie apart from those of equal cards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from truetpot.fleet.history import Machine
from truetpot.fleet.limits import limit
from truetpot.fleet.seen import Key, Value
from truetpot.records.fleet import FleetFigure, FleetValue
from truetpot.stats import Distance, distances
from truetpot.stats.student import student

Place = tuple[Machine, Value]


@dataclass(frozen=True)
class Compared:
    """Figures with all their values, judged."""

    figures: list[FleetFigure]
    values: list[FleetValue]


def compare_all(found: Sequence[Machine]) -> Compared:
    """The newest value of each card against the median of its kind."""
    groups: dict[Key, list[Place]] = defaultdict(list)
    for machine in found:
        for one in machine.newest:
            for key, values in one.figures.items():
                groups[key] += [(machine, value) for value in values]
    total = sum(map(len, groups.values()))
    compared = Compared([], [])
    for key, places in sorted(groups.items(), key=lambda one: _order(one[0])):
        by = distances([value.value for _, value in places])
        figure = _figure(key, places, by, robust_limit(len(places), total))
        compared.figures.append(figure)
        compared.values.extend(
            _value(figure, machine, value, one)
            for (machine, value), one in zip(places, by, strict=True)
        )
    return compared


def robust_limit(alike: int, total: int) -> float:
    """So many deviations that chance rarely gives one outlier among ``total`` values.

    ``alike`` is how many the deviation was estimated from: a median absolute deviation of few
    values is often far too small, which a quantile of Student's t makes up for.
    """
    if total <= 0:
        return limit("robust")
    return max(limit("robust"), student(1 - limit("chance") / (2 * total), 2 + (alike - 2) // 3))


def _order(key: Key) -> tuple[str, ...]:
    return key.group, key.level, key.test, key.figure, key.unit, key.better


def _figure(
    key: Key, places: Sequence[Place], by: Sequence[Distance], robust: float
) -> FleetFigure:
    spread = next((one.relative / one.robust for one in by if one.robust), 0.0)
    return FleetFigure(
        group=key.group, level=key.level, test=key.test, figure=key.figure, unit=key.unit,
        better=key.better, values=len(places),
        machines=len({machine.name for machine, _ in places}), median=by[0].median,
        spread=spread, limit=robust, judged=len(places) >= limit("least_values"),
    )  # fmt: skip


def _value(figure: FleetFigure, machine: Machine, value: Value, by: Distance) -> FleetValue:
    apart = abs(by.robust) > figure.limit and abs(by.relative) > limit("relative")
    return FleetValue(
        machine=machine.name, device=value.device, group=figure.group, level=figure.level,
        test=figure.test, figure=figure.figure, value=value.value, unit=figure.unit,
        median=by.median, relative=by.relative, robust=by.robust,
        worse=by.relative < 0 if figure.better == "higher" else by.relative > 0,
        outlier=figure.judged and apart,
    )  # fmt: skip
