"""Providers beside each other, case by case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType

from truetpot.facts.roofline import Limit
from truetpot.measure.kernel_result import KernelResult, Row, tflops
from truetpot.records.words import Cache, KernelStatus
from truetpot.report.config import with_origin
from truetpot.report.numbers import digits, microseconds, percent
from truetpot.report.table import Table, name, number
from truetpot.report.words import words
from truetpot.stats import Comparison

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
    number("GB/s", least=13),
    number("of ceiling", least=10),
    number("over best", least=9),
    number("error/tolerance", least=15),
    name("status", least=7),
)


def draw_head() -> RenderableType:
    """The lines above all cases: how ratios were taken, and the columns."""
    how = (
        "of ceiling, over best: ratios of the same rounds, the median; ? where the medians beside "
        "them say something else"
    )
    return Group(words(how, style="dim"), Table(*_COLUMNS))


def draw_case(rows: Sequence[Row]) -> RenderableType:
    """One case: what it is, then a line a provider; below them launch parameters and reasons.

    Who was skipped has no numbers, and so no line among those who have.
    """
    result, roles = rows[0]
    case = result.op + (f" ({', '.join(roles)})" if roles else "")
    table = Table(*_COLUMNS, head=False)
    if (ceiling := next((one.ceiling for one, _ in rows if one.ceiling), None)) is not None:
        gemm = next((one.gemm for one, _ in rows if one.gemm is not None), None)
        best = digits(ceiling.bandwidth / 1e9) if gemm is None else _operations(tflops(gemm))
        table.row("ceiling", "", best, "", "", "", style="dim")
    reasons: list[RenderableType] = []
    reasons += [words(line, style="dim") for line in bounded(rows)]
    for found, _ in rows:
        if ran := parameters(found):
            reasons.append(words(f"{found.label}: {ran}", style="dim"))
    for found, _ in rows:
        style = _STYLE.get(found.status, "")
        if found.status is not KernelStatus.SKIPPED:
            table.row(*_cells(found), words((found.status, style)))
        if found.reason or found.status is KernelStatus.SKIPPED:
            reasons.append(words(f"{found.label}: {found.status}: {found.reason}", style=style))
    reasons += [words(line) for line in against_first(rows)]
    reasons += [words(line, style="yellow") for line in not_established(rows)]
    return Group(words((case, "bold"), f"  {result.case.label()}"), table, *reasons)


def bounded(rows: Sequence[Row]) -> Iterator[str]:
    """A sentence on the ceiling of operations, where that is what shares are of."""
    gemm = next((found.gemm for found, _ in rows if found.gemm is not None), None)
    if gemm is not None:
        yield f"bound by operations: of ceiling is of {digits(tflops(gemm))} TFLOPS, the best GEMM"


def parameters(found: KernelResult) -> str:
    """What the kernel was launched with, and where that comes from; empty where it has none."""
    if found.config is None or found.choice is None:
        return ""
    return with_origin(found.config, found.choice.origin, found.choice.of_case)


def against_first(rows: Sequence[Row]) -> Iterator[str]:
    """A sentence for each configuration of ``--config`` beside the first of them."""
    first = rows[0][0]
    for found, _ in rows:
        if found.beside_first is None:
            continue
        over, order = found.beside_first.over_best, found.beside_first.order
        verdict = "order not established" if order is Comparison.UNDECIDED else order
        yield (
            f"{found.asked}: {over.median:.3f} ({over.low:.3f} to {over.high:.3f}) times the time "
            f"of {first.asked}, by rounds: {verdict}"
        )


def not_established(rows: Sequence[Row]) -> Iterator[str]:
    """A sentence for each order and share that the samples do not establish."""
    timed = [found for found, _ in rows if found.standing is not None]
    best = next((one for one in timed if one.standing and one.standing.itself), None)
    for found in timed:
        assert found.standing is not None
        assert found.entrant is not None
        over = found.standing.over_best
        undecided = found.standing.order is Comparison.UNDECIDED and not found.asked
        if undecided and best is not None:
            assert best.entrant is not None
            medians = found.entrant.stats.median_s / best.entrant.stats.median_s
            yield (
                f"order not established: {found.label} takes {over.median:.3f} "
                f"({over.low:.3f} to {over.high:.3f}) times {best.label}'s time by rounds, "
                f"{medians:.3f} by medians; run again with more --seconds, on a quieter machine"
            )
        if found.share_refuted:
            yield (
                f"share of the ceiling not established for {found.label}: rounds and medians "
                "differ by more than their intervals; run again with more --seconds, on a quieter "
                "machine"
            )


def _rate(result: KernelResult, seconds: float) -> str:
    """1e9 bytes a second; where operations bound the case their rate, with its unit."""
    if result.bound_by is Limit.OPERATIONS:
        return _operations(result.flops / seconds / 1e12)
    return digits(result.bytes / seconds / 1e9)


def _operations(tflops: float) -> str:
    return f"{digits(tflops)} TFLOP/s"


def _cells(result: KernelResult) -> tuple[str, ...]:
    """What the columns say; ``hot`` where the bytes may come out of a cache."""
    error = "-"
    if result.error is not None and result.tolerance is not None:
        error = f"{result.error:.1e}/{result.tolerance:.1e}"
    entrant = result.entrant
    if entrant is None or not entrant.device_s:
        return (result.label, "-", "-", "-", "-", error)
    median = entrant.stats.median_s
    over = "-" if result.standing is None else f"{result.standing.over_best.median:.2f}"
    if result.standing is not None and result.standing.refuted:
        over = "?"
    share = percent(None if result.share is None else result.share.median)
    if result.share_refuted:
        share = "?"
    return (
        result.label,
        microseconds(median),
        _rate(result, median),
        share if result.cache is Cache.ROTATED else "hot",
        over,
        error,
    )
