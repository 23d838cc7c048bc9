"""Providers beside each other, case by case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from truetpot.measure.kernels import KernelResult
from truetpot.records.words import Cache, KernelStatus
from truetpot.report.numbers import digits, microseconds, percent
from truetpot.stats import Comparison

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
    """The lines above all cases: how ratios were taken, and the columns."""
    table = _table()
    table.add_row(*(name for name, _ in _COLUMNS), "status", style="bold")
    how = (
        "of ceiling, over best: ratios of the same rounds, the median; ? where the medians beside "
        "them say something else"
    )
    return Group(Text(how, style="dim"), table)


def draw_case(rows: Sequence[Row]) -> RenderableType:
    """One case: what it is, then a line a provider; a reason stands behind the status.

    Who was skipped has no numbers, and the whole line for the reason.
    """
    result, roles = rows[0]
    name = result.op + (f" ({', '.join(roles)})" if roles else "")
    parts: list[RenderableType] = [Text.assemble((name, "bold"), f"  {result.case.label()}")]
    if (ceiling := next((one.ceiling for one, _ in rows if one.ceiling), None)) is not None:
        table = _table()
        rate = digits(ceiling.bandwidth / 1e9)
        table.add_row("ceiling", "", rate, "", "", "", "in the same rounds", style="dim")
        parts.append(table)
    for found, _ in rows:
        style = _STYLE.get(found.status, "")
        status = f"{found.status}: {found.reason}" if found.reason else found.status
        if found.status is KernelStatus.SKIPPED:
            parts.append(Text(f" {found.provider:<{_COLUMNS[0][1]}} {status}", style=style))
            continue
        if not isinstance(parts[-1], Table):
            parts.append(_table())
        assert isinstance(parts[-1], Table)
        parts[-1].add_row(*_cells(found), Text(status, style=style))
    parts += [Text(f" {line}", style="yellow") for line in not_established(rows)]
    return Group(*parts)


def not_established(rows: Sequence[Row]) -> Iterator[str]:
    """A sentence for each order and share that the samples do not establish."""
    timed = [found for found, _ in rows if found.standing is not None]
    best = next((one for one in timed if one.standing and one.standing.itself), None)
    for found in timed:
        assert found.standing is not None
        assert found.entrant is not None
        over = found.standing.over_best
        if found.standing.order is Comparison.UNDECIDED and best is not None:
            assert best.entrant is not None
            medians = found.entrant.stats.median_s / best.entrant.stats.median_s
            yield (
                f"order not established: {found.provider} takes {over.median:.3f} "
                f"({over.low:.3f} to {over.high:.3f}) times {best.provider}'s time by rounds, "
                f"{medians:.3f} by medians; run again with more --seconds, on a quieter machine"
            )
        if found.share_refuted:
            yield (
                f"share of the ceiling not established for {found.provider}: rounds and medians "
                "differ by more than their intervals; run again with more --seconds, on a quieter "
                "machine"
            )


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
    over = "-" if result.standing is None else f"{result.standing.over_best.median:.2f}"
    if result.standing is not None and result.standing.refuted:
        over = "?"
    share = percent(None if result.share is None else result.share.median)
    if result.share_refuted:
        share = "?"
    return (
        result.provider,
        microseconds(median),
        digits(result.bytes / median / 1e9),
        share if result.cache is Cache.ROTATED else "hot",
        over,
        error,
    )
