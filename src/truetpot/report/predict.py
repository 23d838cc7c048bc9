"""A predicted step: every operator a term, in a colour that no measurement has."""

from __future__ import annotations

from rich.console import Group, RenderableType

from truetpot.records.predict import PredictedStep, PredictedTerm, PredictRecord
from truetpot.report.numbers import digits
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words

BORROWED = "magenta"
"""Of what was measured elsewhere."""


def draw_prediction(record: PredictRecord) -> RenderableType:
    """A table a batch, then a line a batch; notes."""
    about = (
        f" on {record.tp} x {record.device}, {record.format} weights, {record.kv_format} KV, "
        f"context {record.context}"
    )
    how = (
        f"borrowed from {record.library}, nothing was measured here; what it lacks: bytes / "
        f"{digits(record.bandwidth_gb_s)} GB/s to {digits(record.launch_us)} us a launch"
    )
    parts: list[RenderableType] = [words((record.model, "bold"), about), words(how, style=BORROWED)]
    for step in record.steps:
        parts += ["", words(f"batch {step.batch}", style="bold"), _terms(step)]
    parts += ["", _summary(record)]
    parts += [words(note, style="yellow") for note in record.notes]
    return Group(*parts)


def _terms(step: PredictedStep) -> Table:
    table = Table(
        name("role"), name("shape"), number("calls"), number("ms"), number("interval"), prose("how")
    )
    for one in step.terms:
        ms = "-" if one.predicted_ms is None else f"{one.predicted_ms:.3f}"
        style = "dim" if one.predicted_ms is None else ""
        table.row(one.role, _shape(one), str(one.count), ms, _span(one), one.how, style=style)
    return table


def _shape(term: PredictedTerm) -> str:
    return " ".join(f"{axis}={value}" for axis, value in term.shape.items() if value) or "-"


def _span(term: PredictedTerm) -> str:
    return f"{term.low_ms:.3f} to {term.high_ms:.3f}"


def _summary(record: PredictRecord) -> Table:
    table = Table(
        number("batch"),
        number("predicted ms a step"),
        number("spec"),
        number("sum of what the library has"),
    )
    for step in record.steps:
        span = f"{step.predicted_low_ms:.1f} to {step.predicted_high_ms:.1f}"
        cells = str(step.batch), span, f"{step.spec_ms:.1f}", f"{step.borrowed_ms:.1f}"
        table.row(*cells, style=BORROWED)
    return table
