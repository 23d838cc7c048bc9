"""Any record as facts and tables, made from its type: for kinds without a page of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from truetpot.records.opening import Measured, Named
from truetpot.records.store import plain
from truetpot.records.told import fields_told
from truetpot.report.html.model import Cell, Column, Grid, filled
from truetpot.report.numbers import digits

SAID = ("schema_version", "kind", "command", "environment", "started", "state_after")
"""Fields that a section shows elsewhere."""
LISTED = 12
"""Of a list of plain values so many are shown in a cell, then how many there are."""


def facts(record: msgspec.Struct, without: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Single fields by name, with those of parts below them; lists of parts are left to tables."""
    fields = plain(record)
    kept = {name: one for name, one in fields.items() if name not in (*SAID, *without)}
    return [(name, shown(value)) for name, value in _leaves(kept)]


def grids(record: msgspec.Struct, without: tuple[str, ...] = ()) -> list[Grid]:
    """A table for each list of parts, and for each list in one of them."""
    found = []
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if name in without or not isinstance(value, list | tuple) or not value:
            continue
        if all(isinstance(one, msgspec.Struct) for one in value):
            title = name.replace("_", " ").capitalize()
            found.append(grid(title, value))
            for i, row in enumerate(value, 1):
                found += [
                    Grid(f"{title}, row {i}: {inner.title.lower()}", inner.columns, inner.rows)
                    for inner in grids(row)
                ]
    return found


def grid(title: str, rows: list[Any] | tuple[Any, ...]) -> Grid:
    """Parts as a table, a column a field that any of them has; its head says what the field is."""
    told: dict[str, str] = {}
    for kind in dict.fromkeys(type(row) for row in rows):
        told |= fields_told(kind)
    listed = [dict(_leaves(plain(row), lists=True)) for row in rows]
    names = list(dict.fromkeys(name for row in listed for name in row))
    columns = [Column(name.replace("_", " "), told.get(name, "")) for name in names]
    return filled(
        Grid(title, columns, [[_cell(row.get(name)) for name in names] for row in listed])
    )


def origin(record: msgspec.Struct) -> list[tuple[str, str]]:
    """The command, when, and the environment of a record that has one, the device first."""
    found = []
    if isinstance(record, Measured):
        found += [("device", shown(record.environment.device.get("name")))]
    for name in ("command", "started"):
        if value := getattr(record, name, None):
            found.append((name, str(value)))
    if isinstance(record, Measured):
        environment = plain(record.environment)
        found += [(name, shown(value)) for name, value in _leaves(environment)]
        after = getattr(record, "state_after", None) or {}
        found += [(f"state after, {name}", shown(value)) for name, value in _leaves(after)]
    return found


def kind_of(record: msgspec.Struct) -> str:
    """The kind of a record; empty for one that names none."""
    return str(getattr(record, "kind", type(record).__name__ if isinstance(record, Named) else ""))


def shown(value: Any) -> str:
    """A value of a record as text: a number as people read it, a long list by its length."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return digits(value)
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, list):
        few = ", ".join(shown(one) for one in value[:LISTED])
        return few if len(value) <= LISTED else f"{few}, ... ({len(value)} in all)"
    return value if isinstance(value, str) else json.dumps(value)


def _cell(value: Any) -> Cell:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(shown(value), float(value) if is_number else None)


def _leaves(fields: Mapping[str, Any], lists: bool = False) -> Iterator[tuple[str, Any]]:
    """Fields that are no part; those of a part after its name. Lists of parts: ``lists`` tells."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from ((f"{name}, {inner}", one) for inner, one in _leaves(value, lists))
        elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
            if lists:
                yield name, f"{len(value)} rows"
        else:
            yield name, value
