"""The section of one decode step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from truetpot.ladder import LOSSES
from truetpot.records.decode import DecodeRecord
from truetpot.records.rungs import OperatorRow
from truetpot.report.config import describe, with_origin
from truetpot.report.html import plain
from truetpot.report.html.charts.ladder import ladder_chart
from truetpot.report.html.charts.roofline import dots_of, roofline_chart
from truetpot.report.html.model import Cell, Note, Parts, Section, cell
from truetpot.report.numbers import count_of, digits, microseconds, per, percent, queries

_ELSEWHERE = (
    "rungs", "losses", "operators", "warnings", "ranks", "collectives", "step_timing", "providers",
)  # fmt: skip
_KERNELS = (
    "role", "op", "provider", "calls", "us a call", "share of kernels", "share of ceiling",
    "GB/s", "TFLOP/s", "bound by", "launch parameters",
)  # fmt: skip


def decode_section(record: DecodeRecord) -> Section:
    """The ladder, the roofline and the kernels; before them what a reader must be told."""
    parts = Parts(notes=list(_notes(record)))
    parts.draw(ladder_chart(record), roofline_chart(record))
    unit = per(record.query_tokens or 1)
    heads = ("rung", f"ms/{unit}", "95 % interval", "ratio", "what is lost", "source")
    parts.table("The ladder", heads, _rungs(record))
    parts.table("Kernels of the step", _KERNELS, map(_kernel, record.operators))
    for name in ("ranks", "collectives"):
        if rows := getattr(record, name):
            parts.grids.append(plain.grid(name.capitalize(), rows))
    facts = plain.facts(record, _ELSEWHERE)
    return Section(
        title(record), parts.notes, parts.charts, parts.grids, facts, plain.origin(record)
    )


def title(record: DecodeRecord) -> str:
    """The section's title: the workload and the card."""
    tp = "" if record.tp == 1 else f", tp = {record.tp}"
    return (
        f"One decode step of {record.model}: {record.format}, context {record.context:,}, batch "
        f"{record.batch}{queries(record.query_tokens or 1)}{tp}, "
        f"{record.environment.device['name']}"
    )


def told(warnings: Iterable[str], partial: bool) -> Iterator[Note]:
    """Notes that every measured record may have."""
    if partial:
        yield Note("warn", "Partial.", "The run was interrupted: this is what was measured.")
    for warning in warnings:
        yield Note("bad" if warning.startswith("INVALID") else "warn", "Warning.", warning)


def _notes(record: DecodeRecord) -> Iterator[Note]:
    if not record.valid:
        yield Note("bad", "Not valid.", "A sample was impossible, or a kernel wrong.")
    step = record.rungs.step
    if step is not None:
        share = ""
        if record.share_of_ceiling is not None:
            share = f"{percent(record.share_of_ceiling)} of the ceiling."
        unit = per(record.query_tokens or 1)
        tone = "good" if record.valid else "bad"
        yield Note(tone, f"{digits(step.ms_per_token)} ms a {unit}.", share)
    if record.extrapolation:
        yield Note("warn", "Extrapolated.", f"{record.extrapolation}.")
    yield from told(record.warnings, record.partial)
    absent = len(record.operators) - len(dots_of(record))
    if record.operators and absent and record.ceiling is not None:
        what = count_of(absent, "kernel")
        yield Note("info", "Roofline.", f"{what} of {len(record.operators)} without a count of "
                   "operations in the record, or without any, cannot be placed.")  # fmt: skip


def _rungs(record: DecodeRecord) -> Iterator[list[Cell]]:
    losses = {loss.split("/")[0]: loss for loss in LOSSES}
    for name, rung in record.rungs.present():
        loss = losses.get(name, "")
        ratio = record.losses.get(loss)
        interval = "" if rung.ci_ms is None else " to ".join(map(digits, rung.ci_ms))
        bound = "" if rung.bound_by is None else f"{rung.bound_by}: "
        mark = "*" if rung.extrapolated else ""
        yield [
            cell(name),
            cell(rung.ms_per_token, digits(rung.ms_per_token) + mark),
            cell(interval),
            cell(ratio, "" if ratio is None else f"{ratio:.3f}"),
            cell("" if ratio is None else LOSSES[loss]),
            cell(bound + rung.source),
        ]


def _kernel(row: OperatorRow) -> list[Cell]:
    seconds = row.at_step_s or row.median_s
    tflops = (row.operations or 0) / seconds / 1e12
    cold = row.share_of_ceiling is not None
    return [
        cell(row.role),
        cell(row.op),
        cell(row.provider),
        cell(row.count),
        cell(seconds * 1e6, microseconds(seconds)),
        cell(row.share, percent(row.share)),
        cell(row.share_of_ceiling, percent(row.share_of_ceiling) if cold else "from cache"),
        cell(row.bytes / seconds / 1e9, digits(row.bytes / seconds / 1e9)),
        cell(tflops, digits(tflops)) if row.operations else cell(None),
        cell(row.bound_by or ""),
        cell(with_origin(row.config, row.origin, row.origin_case) or describe(row.config)),
    ]
