"""The sections of a floor, and of published figures beside theirs."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.records.floor import FloorRecord, FloorsRecord
from truetpot.records.published import PublishedRecord
from truetpot.report.html import plain
from truetpot.report.html.charts.floor import curve_chart, published_chart, terms_chart
from truetpot.report.html.model import Cell, Note, Parts, Section, cell
from truetpot.report.numbers import count_of, digits

_FLOORS = ("card", "batch", "context", "to", "ms a step", "mean ms", "bound by", "GiB a rank",
           "fits")  # fmt: skip
_FIGURES = ("figure", "cards", "model", "format", "ms a token", "floor", "ratio", "comparable",
            "reported", "reason", "source")  # fmt: skip


def floor_section(record: FloorRecord) -> Section:
    """The bound, its terms, its curve, what was assumed."""
    parts = Parts(notes=list(_notes(record)))
    parts.draw(terms_chart(record), curve_chart(record))
    parts.grids.append(plain.grid("Linear layers", record.linears))
    title = (
        f"Floor of {record.model} on {record.tp} x {record.device}: {record.format}, context "
        f"{record.context:,}, batch {record.batch}"
    )
    facts = plain.facts(record, ("linears", "curve", "assumptions"))
    return Section(title, parts.notes, parts.charts, parts.grids, facts, plain.origin(record))


def _notes(record: FloorRecord) -> Iterator[Note]:
    yield Note("good", f"{digits(record.ms_per_token)} ms a step.",
               f"No step can be faster; {record.bound_by or 'bytes'} bound it. By arithmetic: "
               "nothing was measured.")  # fmt: skip
    if record.mean_ms_per_token is not None:
        yield Note("good", f"{digits(record.mean_ms_per_token)} ms in the mean over the range.")
    if not record.fits:
        yield Note("warn", "Does not fit.", f"{record.resident_gib:.1f} GiB a rank, and the card "
                   f"has {record.usable_gib:.1f} GiB.")  # fmt: skip
    for assumption in record.assumptions:
        yield Note("info", "Assumed.", assumption)


def floors_section(record: FloorsRecord) -> Section:
    """A row for each card, batch and context."""
    notes = [Note("good", f"{count_of(len(record.floors), 'floor')}.",
                  "No step can be faster. By arithmetic: nothing was measured.")]  # fmt: skip
    parts = Parts(notes)
    parts.table("Floors", _FLOORS, map(_floor, record.floors))
    title = "Floors"
    if record.floors:
        first = record.floors[0]
        title += f" of {first.model}: {first.format}, tp = {first.tp}"
    return Section(title, notes, parts.charts, parts.grids, (), plain.origin(record))


def _floor(row: FloorRecord) -> list[Cell]:
    mean = row.mean_ms_per_token
    return [
        cell(row.device),
        cell(row.batch),
        cell(row.context, f"{row.context:,}"),
        cell(row.context_end, None if row.context_end is None else f"{row.context_end:,}"),
        cell(row.ms_per_token, digits(row.ms_per_token)),
        cell(mean, None if mean is None else digits(mean)),
        cell(row.bound_by or ""),
        cell(row.resident_gib, f"{row.resident_gib:.1f}"),
        cell("yes" if row.fits else "no", tone="" if row.fits else "warn"),
    ]


def published_section(record: PublishedRecord) -> Section:
    """The section of published figures, each over its floor."""
    wrong = [row for row in record.figures if row.impossible]
    parts = Parts([Note("bad", f"{row.id} is impossible.", row.reported) for row in wrong])
    parts.notes.append(Note("info", f"{count_of(len(record.figures), 'published figure')}.",
                            "Others' measurements, as they published them."))  # fmt: skip
    parts.draw(published_chart(record))
    parts.table("Figures", _FIGURES, (
        [
            cell(row.id), cell(f"{row.cards} x {row.device}"), cell(row.model), cell(row.format),
            cell(row.ms_per_token, digits(row.ms_per_token)),
            cell(row.floor_ms, "-" if row.floor_ms is None else digits(row.floor_ms)),
            cell(row.ratio, "-" if row.ratio is None else digits(row.ratio)),
            cell("IMPOSSIBLE" if row.impossible else "yes" if row.comparable else "no"),
            cell(row.reported), cell(row.reason or ""), cell(row.url),
        ]
        for row in record.figures
    ))  # fmt: skip
    return Section("Published figures beside their floors", parts.notes, parts.charts, parts.grids,
                   (), plain.origin(record))  # fmt: skip
