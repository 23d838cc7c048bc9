"""Providers beside each other, case by case."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType

from truetpot.measure.kernels import KernelResult
from truetpot.report.numbers import digits, microseconds, percent
from truetpot.report.table import Table, name, number
from truetpot.report.words import words

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
    name("provider", least=13),
    number("us", least=9),
    number("GB/s", least=8),
    number("of ceiling", least=10),
    number("over best", least=9),
    number("error/tolerance", least=15),
    name("status", least=7),
)


def draw_head() -> RenderableType:
    """The line above all cases."""
    return Table(*_COLUMNS)


def draw_case(rows: Sequence[Row]) -> RenderableType:
    """One case: what it is, then a line a provider; below them, who has a reason for his status.

    Who was skipped has no numbers, and so no line among those who have.
    """
    result, roles = rows[0]
    case = result.op + (f" ({', '.join(roles)})" if roles else "")
    table = Table(*_COLUMNS, head=False)
    reasons: list[RenderableType] = []
    for found, _ in rows:
        style = _STYLE.get(found.status, "")
        if found.status != "skipped":
            table.row(*_cells(found), words((found.status, style)))
        if found.reason or found.status == "skipped":
            reasons.append(words(f"{found.provider}: {found.status}: {found.reason}", style=style))
    return Group(words((case, "bold"), f"  {result.case.label()}"), table, *reasons)


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
