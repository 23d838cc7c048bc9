"""The section of a sweep over contexts and batches."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.records.sweep import FitRow, SweepPoint, SweepRecord
from truetpot.records.words import PointStatus
from truetpot.report.html import plain
from truetpot.report.html.charts.over import over_chart
from truetpot.report.html.model import Cell, Note, Parts, Section, cell
from truetpot.report.html.sections.decode import told
from truetpot.report.numbers import count_of, digits, percent

_POINTS = (
    "batch", "context", "spec", "ceiling", "kernels", "step", "of ceiling", "bound by", "status",
)  # fmt: skip
_FITS = ("batch", "rung", "base ms", "us a token", "largest residual", "mean ms")
_TONE = {PointStatus.OK: "", PointStatus.INVALID: "bad"}


def sweep_section(record: SweepRecord) -> Section:
    """ms over context and over batch, the points, and the lines through them."""
    parts = Parts(notes=list(_notes(record)))
    parts.draw(over_chart([record], "context"), over_chart([record], "batch"))
    parts.table("Points, ms a token", _POINTS, map(_point, record.points))
    parts.table("Lines: base + slope x context", _FITS, map(_fit, record.fits))
    facts = plain.facts(record, ("points", "fits", "warnings", "setup"))
    return Section(
        title(record), parts.notes, parts.charts, parts.grids, facts, plain.origin(record)
    )


def title(record: SweepRecord) -> str:
    """The section's title: the workload and the card."""
    return (
        f"A sweep of {record.model}: {record.format}, tp = {record.tp}, "
        f"{record.environment.device['name']}"
    )


def _notes(record: SweepRecord) -> Iterator[Note]:
    if not record.valid:
        yield Note(
            "bad", "Not valid.", "A point has a sample that is impossible, or a wrong kernel."
        )
    done = [point for point in record.points if point.status is PointStatus.OK]
    yield Note("good" if record.valid else "info",
               f"{len(done)} of {count_of(len(record.points), 'point')} measured.")  # fmt: skip
    for point in record.points:
        if point.status is not PointStatus.OK:
            where = f"Batch {point.batch}, context {point.context:,}: "
            tone = "bad" if point.status is PointStatus.INVALID else "warn"
            yield Note(tone, f"{where}{point.status.replace('_', ' ')}.", point.reason)
    yield from told(record.warnings, record.partial)


def _point(point: SweepPoint) -> list[Cell]:
    row = [cell(point.batch), cell(point.context, f"{point.context:,}")]
    record, tone = point.record, _TONE.get(point.status, "warn")
    status = cell(point.status.replace("_", " "), tone=tone)
    if record is None:
        return [*row, *[cell(None)] * 6, status]
    for name in ("spec", "ceiling", "kernels", "step"):
        rung = record.rungs.get(name)
        row.append(
            cell(None) if rung is None else cell(rung.ms_per_token, digits(rung.ms_per_token))
        )
    limit = record.rungs.ceiling and record.rungs.ceiling.bound_by
    return [
        *row,
        cell(record.share_of_ceiling, percent(record.share_of_ceiling)),
        cell(limit or ""),
        status,
    ]


def _fit(row: FitRow) -> list[Cell]:
    worst = max(map(abs, row.residuals), default=0.0)
    return [
        cell(row.batch),
        cell(row.rung),
        cell(row.base_ms, digits(row.base_ms)),
        cell(row.us_per_token, digits(row.us_per_token)),
        cell(worst, percent(worst)),
        cell(row.mean_ms, "-" if row.mean_ms is None else digits(row.mean_ms)),
    ]
