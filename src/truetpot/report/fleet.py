"""Many machines: the worst first, then outliers, what differs, what drifted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Group, RenderableType

from truetpot.fleet.seen import counted
from truetpot.records.fleet import Difference, FleetRecord, FleetValue
from truetpot.records.validate import Health
from truetpot.report.numbers import count_of, digits, percent
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words

_STYLE = {
    Health.FAIL: "bold red",
    Health.COULD_NOT_RUN: "red",
    Health.WARN: "yellow",
    Health.PASS: "green",
    Health.NOT_JUDGED: "dim",
    Health.NOT_RUN: "dim",
}
_NAMED = 5
"""Machines that are named beside a difference; the record has all of them."""


def draw_fleet(fleet: FleetRecord, every: bool = False) -> RenderableType:
    """``every`` lists machines without a fault and all figures as well."""
    parts: list[RenderableType] = [*_machines(fleet, every), *_outliers(fleet)]
    if every and fleet.figures:
        parts += ["", words("Figures", style="bold"), _figures(fleet)]
    parts += [*_differences(fleet), *_drifts(fleet)]
    parts += [words(f"note: {note}", style="dim") for note in fleet.notes]
    parts += _left_out(fleet)
    return Group(*parts)


def _left_out(fleet: FleetRecord) -> Iterator[RenderableType]:
    """What cannot be read may be a machine's: each is named. Records of others are counted."""
    others = Counter(left.record for left in fleet.left_out if left.record is not None)
    if others:
        told = ", ".join(f"{count:,} of {kind}" for kind, count in sorted(others.items()))
        yield words(f"note: records of other commands were left out: {told}", style="dim")
    for left in fleet.left_out:
        if left.record is None:
            yield words(f"left out: {left.why}", style="yellow")


def _machines(fleet: FleetRecord, every: bool) -> Iterator[RenderableType]:
    counts = Counter(machine.verdict for machine in fleet.machines)
    told = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in _STYLE if counts[verdict])
    machines, records = count_of(len(fleet.machines), "machine"), count_of(fleet.records, "record")
    yield words(f"{machines} by {records}: {told}", style="bold")
    shown = [one for one in fleet.machines if every or one.verdict is not Health.PASS]
    if not shown:
        return
    table = Table(name("machine"), name("verdict"), name("newest"), name("cards"), prose("what"))
    for machine in shown:
        table.row(
            machine.machine,
            words((str(machine.verdict), _STYLE[machine.verdict])),
            machine.last + (", partial" if machine.partial else ""),
            counted(machine.cards),
            "; ".join(machine.said),
        )
    yield table


def _outliers(fleet: FleetRecord) -> Iterator[RenderableType]:
    limits = fleet.limits
    yield ""
    by = f"{percent(limits.relative)} and at least {limits.robust:g} robust deviations"
    yield words(f"Outliers among equal cards: {len(fleet.outliers)} (beyond {by})", style="bold")
    if not fleet.outliers:
        return
    table = Table(
        name("machine"), name("device"), name("figure"), number("value"), name("unit"),
        number("median"), number("off"), number("deviations"), prose("of"),
    )  # fmt: skip
    for value in fleet.outliers:
        table.row(
            value.machine, value.device, f"{value.test} {value.figure}", digits(value.value),
            value.unit, digits(value.median), f"{100 * value.relative:+.1f} %",
            f"{value.robust:+.1f}", _of(value),
            style="red" if value.worse else "yellow",
        )  # fmt: skip
    yield table


def _of(value: FleetValue) -> str:
    better = "" if value.worse else "; better than equal cards: look at the test"
    return f"{value.group}, {value.level}{better}"


def _figures(fleet: FleetRecord) -> RenderableType:
    table = Table(
        name("figure"), number("median"), name("unit"), number("spread"), number("values"),
        number("machines"), prose("of"),
    )  # fmt: skip
    for one in fleet.figures:
        few = "" if one.judged else "; too few to judge"
        table.row(
            f"{one.test} {one.figure}", digits(one.median), one.unit, percent(one.spread),
            f"{one.values:,}", f"{one.machines:,}", f"{one.group}, {one.level}{few}",
        )  # fmt: skip
    return table


def _differences(fleet: FleetRecord) -> Iterator[RenderableType]:
    if not fleet.differences:
        return
    yield ""
    yield words(f"Versions and settings that differ: {len(fleet.differences)}", style="bold")
    table = Table(name("what"), prose("usual"), prose("others"), prose("of"))
    for one in fleet.differences:
        table.row(one.what, f"{one.usual} on {one.count:,}", _others(one), one.group)
    yield table


def _others(one: Difference) -> str:
    told = []
    for variant in one.others:
        rest = len(variant.machines) - _NAMED
        more = f" and {rest:,} more" if rest > 0 else ""
        told.append(f"{variant.value} on {', '.join(variant.machines[:_NAMED])}{more}")
    return "; ".join(told)


def _drifts(fleet: FleetRecord) -> Iterator[RenderableType]:
    if not fleet.drifts:
        return
    yield ""
    beyond = percent(fleet.limits.drift)
    yield words(f"Drift: {len(fleet.drifts)} (the newest run beyond {beyond})", style="bold")
    table = Table(
        name("machine"), name("device"), name("figure"), number("before"), number("now"),
        name("unit"), number("off"), number("runs"), prose("what changed before the newest run"),
    )  # fmt: skip
    for one in fleet.drifts:
        table.row(
            one.machine, one.device, f"{one.test} {one.figure}", digits(one.before),
            digits(one.now), one.unit, f"{100 * one.relative:+.1f} %", str(one.runs),
            "; ".join(one.changed) or "nothing that the records have",
            style="red" if one.worse else "yellow",
        )  # fmt: skip
    yield table
