"""A sweep: a line a point as it is measured, then each batch beside its line over contexts."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType

from truetpot.ladder.sweep import last_context
from truetpot.records.sweep import FitRow, RequestRow, SweepPoint, SweepRecord
from truetpot.records.words import PointStatus
from truetpot.report.numbers import digits, percent, yields
from truetpot.report.table import Table, name, number
from truetpot.report.words import words

_STYLE = {"ok": "", "invalid": "bold red"}
_COLUMNS = (
    number("batch", least=5),
    number("context", least=7),
    number("spec", least=7),
    number("ceiling", least=7),
    number("kernels", least=7),
    number("step", least=7),
    number("of ceiling", least=10),
    name("bound by", least=10),
)


def draw_head() -> RenderableType:
    """The columns; times are ms a token, or a step of several query tokens."""
    return Table(*_COLUMNS)


def draw_point(point: SweepPoint) -> RenderableType:
    """One line; why it has no times, or what a reader must be told of them, below it."""
    style, table = _STYLE.get(point.status, "yellow"), Table(*_COLUMNS, head=False)
    record = point.record
    cells = [str(point.batch), f"{point.context:,}"]
    if record is None or record.rungs.step is None:
        return words(f"batch {point.batch}, context {point.context:,}: {_said(point)}", style=style)
    for rung in ("spec", "ceiling", "kernels", "step"):
        found = record.rungs.get(rung)
        mark = "*" if found is not None and found.extrapolated else ""
        cells.append("-" if found is None else digits(found.ms_per_token) + mark)
    limit = record.rungs.ceiling and record.rungs.ceiling.bound_by
    table.row(*cells, percent(record.share_of_ceiling), limit or "", style=style)
    if point.status is PointStatus.OK:
        return table
    return Group(table, words(_said(point), style=style))


def _said(point: SweepPoint) -> str:
    status = point.status.replace("_", " ")
    return f"{status}: {point.reason}" if point.reason else status


def draw_fits(record: SweepRecord) -> RenderableType:
    """For each batch: the lines, the mean over the request, and the residual at each context."""
    parts: list[RenderableType] = []
    for batch in dict.fromkeys(row.batch for row in record.fits):
        rows = [row for row in record.fits if row.batch == batch]
        parts += ["", words((f"batch {batch}", "bold"), ": base + slope x context"), _lines(rows)]
        step = next((row for row in rows if row.rung == "step"), None)
        if step is not None:
            parts += ["", _residuals(step)]
    if parts and record.request is not None:
        about = _about(record.request, record.fits, record.query_tokens or 1)
        parts += ["", words(about, style="dim")]
    if any(len(row.contexts) == 2 for row in record.fits):
        parts.append(words("A line through two contexts leaves no residual.", style="dim"))
    return Group(*parts)


def _lines(rows: Sequence[FitRow]) -> Table:
    table = Table(
        name("rung"), number("base ms"), number("us a token"), number("largest residual"),
        number("mean ms"),
    )  # fmt: skip
    for row in rows:
        mean = "" if row.mean_ms is None else digits(row.mean_ms) + "*" * row.extrapolated
        worst = max(map(abs, row.residuals))
        slope = digits(row.us_per_token)
        table.row(row.rung, digits(row.base_ms), slope, f"{worst:.1%}", mean)
    return table


def _residuals(step: FitRow) -> Table:
    table = Table(number("context"), number("step ms"), number("line ms"), number("residual"))
    for context, left in zip(step.contexts, step.residuals, strict=True):
        line = step.base_ms + step.us_per_token * context * 1e-3
        step_ms, share = line / (1 - left), round(left, 3) + 0.0  # no minus before a zero
        table.row(f"{context:,}", digits(step_ms), digits(line), f"{share:+.1%}")
    return table


def _about(request: RequestRow, fits: Sequence[FitRow], query_tokens: int) -> str:
    whose = f"a request of {request.prompt:,} tokens in and {request.output:,} out, by the line"
    said = f"mean ms: over the {request.output - 1:,} steps of {whose}"
    if query_tokens > 1:
        said = (
            f"mean ms: a step of {whose}, over contexts to {last_context(request, query_tokens):,};"
            f" a step yields {yields(query_tokens)} a sequence"
        )
    if any(row.extrapolated for row in fits):
        said += "; * the request goes beyond the contexts"
    return said + "."
