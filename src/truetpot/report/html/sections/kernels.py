"""The section of kernels side by side."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.records.kernels import KernelRow, KernelsRecord
from truetpot.records.words import Cache, KernelStatus
from truetpot.report.config import with_origin
from truetpot.report.html import plain
from truetpot.report.html.charts.providers import providers_chart, timed
from truetpot.report.html.charts.roofline import dots_of, roofline_chart
from truetpot.report.html.model import Cell, Note, Parts, Section, cell
from truetpot.report.html.sections.decode import told
from truetpot.report.numbers import count_of, digits, microseconds, percent

_TONE = {
    KernelStatus.OK: "",
    KernelStatus.WRONG: "bad",
    KernelStatus.INVALID: "bad",
    KernelStatus.SKIPPED: "info",
}
_HEADS = (
    "op", "roles", "provider", "status", "us", "GB/s", "TFLOP/s", "of ceiling", "bound by",
    "over best", "order", "error/tolerance", "case", "launch parameters", "reason",
)  # fmt: skip


def kernels_section(record: KernelsRecord) -> Section:
    """Providers grouped by case, the roofline, a row a case and provider."""
    parts = Parts(notes=list(_notes(record)))
    parts.draw(providers_chart(record), roofline_chart(record))
    parts.table("Kernels", _HEADS, map(_row, record.results))
    facts = plain.facts(record, ("results", "warnings"))
    what = record.model or "a shape that was given"
    title = f"Kernels of {what}, {record.environment.device['name']}"
    return Section(title, parts.notes, parts.charts, parts.grids, facts, plain.origin(record))


def _notes(record: KernelsRecord) -> Iterator[Note]:
    for row in record.results:
        if _TONE.get(row.status) == "bad":
            yield Note(
                "bad", f"{row.provider} {row.op} is {row.status}.", f"{row.reason} ({row.case})"
            )
    rows = timed(record)
    cases = len({(row.op, row.case) for row in rows})
    if rows:
        yield Note("good", f"{count_of(len(rows), 'kernel')} timed on {count_of(cases, 'case')}.")
    yield from told(record.warnings, record.partial)
    reasons: dict[str, list[str]] = {}
    for row in record.results:
        if row.status is KernelStatus.SKIPPED:
            reasons.setdefault(f"{row.provider}: {row.reason}", []).append(row.op)
    for reason, ops in reasons.items():
        yield Note("info", "Skipped.", f"{reason} ({', '.join(dict.fromkeys(ops))})")
    absent = len(rows) - len(dots_of(record))
    if absent and record.ceiling is not None:
        what = count_of(absent, "time")
        yield Note("info", "Roofline.", f"{what} of kernels without operations cannot be placed.")


def _row(row: KernelRow) -> list[Cell]:
    seconds = row.median_s if row.median_s and row.median_s > 0 else None
    tflops = row.flops / seconds / 1e12 if seconds and row.flops else None
    error = ""
    if row.error is not None and row.tolerance is not None:
        error = f"{row.error:.1e}/{row.tolerance:.1e}"
    hot = row.cache is not Cache.ROTATED
    share = None if row.share_of_ceiling is None or hot else row.share_of_ceiling
    launched = "" if row.config is None else with_origin(row.config, row.origin, row.origin_case)
    return [
        cell(row.op),
        cell(", ".join(row.roles)),
        cell(row.provider),
        cell(row.status, tone=_TONE.get(row.status, "warn")),
        cell(None) if seconds is None else cell(seconds * 1e6, microseconds(seconds)),
        cell(row.gb_s, "-" if row.gb_s is None else digits(row.gb_s)),
        cell(tflops, "-" if tflops is None else digits(tflops)),
        cell(share, "hot" if row.cache is Cache.HOT else percent(share)),
        cell(row.bound_by or ""),
        cell(
            row.time_over_best, "-" if row.time_over_best is None else f"{row.time_over_best:.2f}"
        ),
        cell(row.order or ""),
        cell(error),
        cell(row.case),
        cell(launched),
        cell(row.reason),
    ]
