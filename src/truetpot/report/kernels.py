"""Providers beside each other, case by case."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from truetpot.measure.kernels import KernelResult
from truetpot.report.numbers import digits, microseconds, percent

Row = tuple[KernelResult, tuple[str, ...]]
"""A result, and the roles that its case has in the decode step."""

_STYLE = {
    "coarse": "yellow",
    "partial": "yellow",
    "skipped": "yellow",
    "wrong": "bold red",
    "invalid": "bold red",
}
_COLUMNS = (
    ("provider", 18),
    ("us", 10),
    ("GB/s", 8),
    ("of ceiling", 10),
    ("over best", 9),
    ("error/tolerance", 17),
)


def draw_head() -> RenderableType:
    """The line above all cases."""
    table = _table()
    table.add_row(*(name for name, _ in _COLUMNS), "status", style="bold")
    return table


def draw_case(rows: Sequence[Row]) -> RenderableType:
    """One case: what it is, then a line a provider; a reason stands behind the status.

    Who was skipped has no numbers, and the whole line for the reason.
    """
    result, roles = rows[0]
    name = result.op + (f" ({', '.join(roles)})" if roles else "")
    parts: list[RenderableType] = [Text.assemble((name, "bold"), f"  {result.case.label()}")]
    for found, _ in rows:
        style = _STYLE.get(found.status, "")
        status = f"{found.status}: {found.reason}" if found.reason else found.status
        if found.status == "skipped":
            parts.append(Text(f" {found.provider:<{_COLUMNS[0][1]}} {status}", style=style))
            continue
        if not isinstance(parts[-1], Table):
            parts.append(_table())
        assert isinstance(parts[-1], Table)
        parts[-1].add_row(*_cells(found), Text(status, style=style))
    return Group(*parts)


def _table() -> Table:
    """Columns of fixed width, so that one case lines up with the next."""
    table = Table(box=None, padding=(0, 1, 0, 1), show_header=False)
    for name, width in _COLUMNS:
        justify = "left" if name == "provider" else "right"
        table.add_column(width=width, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column(overflow="fold")
    return table


def _cells(result: KernelResult) -> tuple[str, ...]:
    """What the columns say; ``hot`` where the bytes may come out of a cache."""
    error = "-"
    if result.error is not None and result.tolerance is not None:
        error = f"{result.error:.1e}/{result.tolerance:.1e}"
    entrant = result.entrant
    if entrant is None or not entrant.device_s:
        return (result.provider, "-", "-", "-", "-", error)
    median = entrant.stats.median_s
    over = "-" if result.time_over_best is None else f"{result.time_over_best:.2f}"
    return (
        result.provider,
        microseconds(median),
        digits(result.bytes / median / 1e9),
        percent(result.share_of_ceiling) if result.cache == "rotated" else "hot",
        over,
        error,
    )
