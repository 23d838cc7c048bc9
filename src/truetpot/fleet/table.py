"""Every compared value as a line of CSV, for a spreadsheet or a database."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from truetpot.records.fleet import FleetRecord, FleetValue
from truetpot.text import escaped

COLUMNS = (
    "machine", "verdict", "last", "device", "group", "level", "test", "figure", "value", "unit",
    "median", "relative", "robust", "worse", "outlier",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@")
"""A spreadsheet takes text that begins so for a formula and obeys it."""


def as_csv(record: FleetRecord, values: Sequence[FleetValue]) -> str:
    """A head and a line a value, in the order of the figures; a machine without a value has one."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(COLUMNS)
    machines = {machine.machine: machine for machine in record.machines}
    for value in values:
        of = machines[value.machine]
        out.writerow(
            [
                _text(of.machine), of.verdict, of.last, _text(value.device), _text(value.group),
                _text(value.level), _text(value.test), _text(value.figure), repr(value.value),
                _text(value.unit), repr(value.median), f"{value.relative:.6f}",
                f"{value.robust:.3f}", int(value.worse), int(value.outlier),
            ]
        )  # fmt: skip
    with_values = {value.machine for value in values}
    for name, machine in machines.items():
        if name not in with_values:
            out.writerow([_text(name), machine.verdict, machine.last])
    return text.getvalue()


def _text(value: str) -> str:
    shown = escaped(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
