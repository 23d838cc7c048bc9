"""A library of measured kernels: a line a table, rows that cannot be true, errors left out."""

from __future__ import annotations

from rich.console import Group, RenderableType

from truetpot.records.library import BeyondRow, LibraryRecord, LibraryTable
from truetpot.report.numbers import count_of, digits, percent
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words

SHOWN = 10
"""Rows beyond the datasheet that are listed of each table; the record has all of them."""


def draw_library(library: LibraryRecord, every: bool = False) -> RenderableType:
    """Every table; ``every`` lists all rows beyond the datasheet."""
    parts: list[RenderableType] = [_tables(library)]
    for one in library.tables:
        if one.beyond:
            parts += ["", *_beyond(one, every)]
    for one in library.tables:
        if one.cross_validation:
            parts += ["", *_errors(one)]
    for file, why in library.left_out.items():
        parts.append(words(f"left out of {file}: {why}", style="yellow"))
    return Group(*parts)


def _tables(library: LibraryRecord) -> Table:
    table = Table(
        name("operator"),
        name("format"),
        number("rows"),
        number("best GB/s"),
        number("launch floor us"),
        number("beyond"),
        prose("whose"),
    )
    for one in library.tables:
        floor = one.launch_floor
        span = "-"
        if floor is not None:
            span = f"{digits(floor.median_us)} ({digits(floor.low_us)} to {digits(floor.high_us)})"
        table.row(
            one.op,
            one.format or "-",
            f"{one.rows:,}",
            "-" if one.best_gb_s is None else digits(one.best_gb_s),
            span,
            str(len(one.beyond)) if one.card else "-",
            f"{one.stack} {one.version} on {one.card or one.device}, {one.file}",
            style="red" if any(not row.may_be_cached for row in one.beyond) else "",
        )
    return table


def _beyond(one: LibraryTable, every: bool) -> list[RenderableType]:
    impossible = [row for row in one.beyond if not row.may_be_cached]
    cached = len(one.beyond) - len(impossible)
    title = (
        f"{one.op} {one.format} of {one.stack} {one.version}: {count_of(len(impossible), 'row')} "
        f"that cannot be true, {cached} that the L2 may have served"
    )
    if one.op == "linear":
        gemv = [row for row in one.beyond if row.shape["m"] == 1]
        void = sum(not row.may_be_cached for row in gemv)
        title += f"; of them at m = 1: {void} and {len(gemv) - void}"
    table = Table(name("shape"), number("MB"), number("GB/s"), prose())
    shown = one.beyond if every else one.beyond[:SHOWN]
    for row in shown:
        table.row(_shape(row), f"{row.bytes / 1e6:.1f}", digits(row.gb_s), _verdict(row))
    parts: list[RenderableType] = [words(title, style="bold red" if impossible else "bold"), table]
    if rest := len(one.beyond) - len(shown):
        parts.append(words(f"and {rest:,} more: --beyond lists them, --json has them", style="dim"))
    return parts


def _verdict(row: BeyondRow) -> str:
    return "may be cached" if row.may_be_cached else "impossible"


def _shape(row: BeyondRow) -> str:
    return " ".join(f"{axis}={value}" for axis, value in row.shape.items())


def _errors(one: LibraryTable) -> list[RenderableType]:
    table = Table(
        name("left out"),
        number("rows"),
        number("median"),
        number("p90"),
        number("5 %"),
        number("95 %"),
        prose("of"),
    )
    for row in one.cross_validation:
        table.row(
            f"one {row.what}" if row.what in one.axes else row.what,
            f"{row.rows:,}",
            percent(row.median),
            percent(row.p90),
            f"{100 * row.low:+.0f} %",
            f"{100 * row.high:+.0f} %",
            row.regime or "all shapes",
        )
    if (floor := one.launch_floor) is not None:
        table.row(
            "(scatter)",
            f"{floor.rows:,}",
            percent(floor.scatter),
            percent(floor.scatter_p90),
            f"{100 * (floor.low_us / floor.median_us - 1):+.0f} %",
            f"{100 * (floor.high_us / floor.median_us - 1):+.0f} %",
            "rows at the launch floor, which should be equal",
            style="dim",
        )
    title = f"{one.op} {one.format} of {one.stack} {one.version}: predicted / measured - 1"
    return [words(title, style="bold"), table]
