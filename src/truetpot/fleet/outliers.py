"""Which values of a figure lie apart from those of equal cards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from truetpot.fleet.apart import Apart, apart
from truetpot.fleet.history import Machine
from truetpot.fleet.seen import Key, Value
from truetpot.records.fleet import FleetFigure, FleetValue

Reading = tuple[Machine, Value]


@dataclass(frozen=True)
class Compared:
    """Figures with all their values, judged."""

    figures: list[FleetFigure]
    values: list[FleetValue]


def compare_all(found: Sequence[Machine]) -> Compared:
    """The newest value of each card against the median of its kind."""
    groups: dict[Key, list[Reading]] = defaultdict(list)
    for machine in found:
        for one in machine.newest:
            for key, values in one.figures.items():
                groups[key] += [(machine, value) for value in values]
    keys = sorted(groups, key=_order)
    judged = apart([[value.value for _, value in groups[key]] for key in keys])
    compared = Compared([], [])
    for key, by in zip(keys, judged, strict=True):
        compared.figures.append(_figure(key, groups[key], by))
        compared.values.extend(_values(key, groups[key], by))
    return compared


def _order(key: Key) -> tuple[str, ...]:
    return key.group, key.level, key.test, key.figure, key.unit, key.better


def _figure(key: Key, readings: Sequence[Reading], by: Apart) -> FleetFigure:
    return FleetFigure(
        group=key.group, level=key.level, test=key.test, figure=key.figure, unit=key.unit,
        better=key.better, values=len(readings),
        machines=len({machine.name for machine, _ in readings}), median=by.median,
        spread=by.spread, limit=by.limit, judged=by.judged,
    )  # fmt: skip


def _values(key: Key, readings: Sequence[Reading], by: Apart) -> Iterator[FleetValue]:
    rows = zip(readings, by.relative, by.robust, by.outliers(), strict=True)
    for (machine, value), relative, robust, outlier in rows:
        yield FleetValue(
            machine=machine.name, device=value.device, group=key.group, level=key.level,
            test=key.test, figure=key.figure, value=value.value, unit=key.unit, median=by.median,
            relative=relative, robust=robust,
            worse=relative < 0 if key.better == "higher" else relative > 0, outlier=outlier,
        )  # fmt: skip
