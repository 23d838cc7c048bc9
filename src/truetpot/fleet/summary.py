"""The record of a fleet, made of the records of its machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from truetpot.fleet.changes import differences
from truetpot.fleet.drift import drifts
from truetpot.fleet.history import Machine, machines
from truetpot.fleet.limits import limit
from truetpot.fleet.outliers import Compared, compare_all
from truetpot.fleet.read import Found
from truetpot.records.fleet import FleetLimits, FleetMachine, FleetRecord, FleetValue
from truetpot.records.validate import Health

WORST = (
    Health.FAIL,
    Health.COULD_NOT_RUN,
    Health.WARN,
    Health.PASS,
    Health.NOT_JUDGED,
    Health.NOT_RUN,
)
"""In this order; a machine with nothing but tests that did not run has no better verdict."""


def fleet_record(found: Found, command: str) -> tuple[FleetRecord, list[FleetValue]]:
    """Everything that the records say together, and every value that was compared."""
    known = machines((path.stem, one) for path, one in found.records)
    compared = compare_all(known)
    outliers = [value for value in compared.values if value.outlier]
    record = FleetRecord(
        command=command,
        records=len(found.records),
        left_out=found.left_out,
        limits=FleetLimits(
            robust=limit("robust"), chance=limit("chance"), relative=limit("relative"),
            drift=limit("drift"), least_values=int(limit("least_values")),
            least_runs=int(limit("least_runs")),
        ),
        machines=sorted(map(_machine, known), key=_order),
        figures=compared.figures,
        outliers=sorted(outliers, key=lambda value: -abs(value.robust)),
        differences=differences(known),
        drifts=drifts(known),
        notes=_notes(known, compared),
    )  # fmt: skip
    return record, compared.values


def is_bad(record: FleetRecord) -> bool:
    """A machine failed, or a figure is worse than those of equal cards, or than it was."""
    return (
        any(machine.verdict is Health.FAIL for machine in record.machines)
        or any(value.worse for value in record.outliers)
        or any(drift.worse for drift in record.drifts)
    )


def _order(machine: FleetMachine) -> tuple[int, str]:
    return WORST.index(machine.verdict), machine.machine


def _machine(machine: Machine) -> FleetMachine:
    newest = machine.newest
    cards = max((one.cards for one in newest), key=len)
    return FleetMachine(
        machine=machine.name, machine_id=machine.seen[-1].machine_id,
        verdict=min((one.verdict for one in newest), key=WORST.index),
        partial=any(one.partial for one in newest), cards=list(cards),
        records=len(machine.seen), first=machine.seen[0].at, last=machine.seen[-1].at,
        said=[sentence for one in newest for sentence in one.said],
    )  # fmt: skip


def _notes(known: Sequence[Machine], compared: Compared) -> list[str]:
    notes = []
    names: dict[str, list[str]] = defaultdict(list)
    for machine in known:
        if (number := machine.seen[-1].machine_id) is not None:
            names[number].append(machine.name)
    shared = [kept for kept in names.values() if len(kept) > 1]
    if shared:
        notes.append(
            f"{sum(map(len, shared))} names share {len(shared)} machine ids, such as "
            f"{', '.join(shared[0][:3])}: cloned images, or machines that were renamed."
        )
    undated = sum(not one.at for machine in known for one in machine.seen)
    if undated:
        notes.append(f"{undated} records of older versions have no time: they count as the oldest.")
    few = sum(not figure.judged for figure in compared.figures)
    if few:
        notes.append(
            f"{few} of {len(compared.figures)} figures have fewer than "
            f"{limit('least_values'):g} values: none of these is called an outlier."
        )
    return notes
