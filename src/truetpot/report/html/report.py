"""Any records as one HTML report, and the one chart of a record as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from truetpot.records.check import CheckRecord
from truetpot.records.decode import DecodeRecord
from truetpot.records.drive import DriveRecord
from truetpot.records.floor import FloorRecord, FloorsRecord
from truetpot.records.isa import IsaRecord
from truetpot.records.kernels import KernelsRecord
from truetpot.records.opening import Part
from truetpot.records.published import PublishedRecord
from truetpot.records.sweep import SweepRecord
from truetpot.records.trace import TraceRecord
from truetpot.records.tune import TuneRecord
from truetpot.records.validate import ValidateRecord
from truetpot.report.html import plain
from truetpot.report.html.charts.canvas import Chart
from truetpot.report.html.charts.drive import drive_chart
from truetpot.report.html.charts.floor import published_chart, terms_chart
from truetpot.report.html.charts.gains import gains_chart
from truetpot.report.html.charts.isa import limits_chart
from truetpot.report.html.charts.ladder import ladder_chart
from truetpot.report.html.charts.over import over_chart, points_of
from truetpot.report.html.charts.providers import providers_chart
from truetpot.report.html.charts.runs import runs_chart
from truetpot.report.html.charts.trace import roles_chart
from truetpot.report.html.charts.validate import figures_chart
from truetpot.report.html.model import Note, Section
from truetpot.report.html.page import page
from truetpot.report.html.sections.check import check_section
from truetpot.report.html.sections.decode import decode_section, told
from truetpot.report.html.sections.drive import drive_section
from truetpot.report.html.sections.floor import floor_section, floors_section, published_section
from truetpot.report.html.sections.isa import isa_section
from truetpot.report.html.sections.kernels import kernels_section
from truetpot.report.html.sections.sweep import sweep_section
from truetpot.report.html.sections.trace import trace_section
from truetpot.report.html.sections.tune import tune_section
from truetpot.report.html.sections.validate import validate_section

SECTIONS: dict[type[Part], Callable[[Any], Section]] = {
    DecodeRecord: decode_section,
    SweepRecord: sweep_section,
    KernelsRecord: kernels_section,
    CheckRecord: check_section,
    FloorRecord: floor_section,
    FloorsRecord: floors_section,
    PublishedRecord: published_section,
    TuneRecord: tune_section,
    IsaRecord: isa_section,
    TraceRecord: trace_section,
    ValidateRecord: validate_section,
    DriveRecord: drive_section,
}
"""Kinds with a page of their own; any other is shown field by field."""
CHARTS: dict[type[Part], Callable[[Any], Chart | None]] = {
    DecodeRecord: ladder_chart,
    SweepRecord: lambda record: over_chart([record], "context") or over_chart([record], "batch"),
    KernelsRecord: providers_chart,
    CheckRecord: runs_chart,
    FloorRecord: terms_chart,
    PublishedRecord: published_chart,
    TuneRecord: gains_chart,
    IsaRecord: limits_chart,
    ValidateRecord: figures_chart,
    DriveRecord: drive_chart,
    TraceRecord: lambda record: roles_chart(record.runs[0]) if record.runs else None,
}
"""The chart of a record that ``--svg`` draws."""
_TONE = {"bad": "bad", "warn": "warn", "ok": "good"}
"""Of verdicts that records without a page have."""


def section(record: Part, file: str = "") -> Section:
    """What a record says, for a page; ``file`` is where it lies."""
    made = SECTIONS.get(type(record), plain_section)(record)
    return Section(
        made.title, made.notes, made.charts, made.grids, made.facts, made.origin,
        plain.kind_of(record), file,
    )  # fmt: skip


def plain_section(record: Part) -> Section:
    """A record without a page of its own: its warnings, its tables, its fields."""
    notes = list(told(getattr(record, "warnings", ()), getattr(record, "partial", False)))
    verdict = getattr(record, "verdict", None)
    if verdict is not None:
        notes.insert(0, Note(_TONE.get(str(verdict), "info"), f"Verdict: {verdict}."))
    title = f"Record of truetpot {plain.kind_of(record)}"
    return Section(title, notes, (), plain.grids(record), plain.facts(record, ("warnings",)),
                   plain.origin(record))  # fmt: skip


def html(records: Sequence[Part], files: Sequence[str] = ()) -> str:
    """One page of all records, the file of each beside it where it is given."""
    names = [*files, *[""] * (len(records) - len(files))]
    sections = [section(record, name) for record, name in zip(records, names, strict=True)]
    if len(sections) == 1:
        return page(sections[0].title, sections)
    steps = [record for record in records if points_of([record])]
    drawn = [over_chart(steps, "context"), over_chart(steps, "batch")] if len(steps) > 1 else []
    together = [chart for chart in drawn if chart is not None]
    return page(f"{len(sections)} records of truetpot", sections, together)


def svg(record: Part) -> str | None:
    """The chart of a record as a file of its own: letters as outlines, light and dark.

    None for a record that has nothing to draw: no chart is of its kind, or it has no time.
    """
    draw = CHARTS.get(type(record))
    chart = None if draw is None else draw(record)
    return None if chart is None else chart.svg("chart", alone=True) + "\n"
