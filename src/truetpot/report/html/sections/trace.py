"""The section of a profiler's trace."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.records.trace import TracedRole, TracedRun, TraceRecord
from truetpot.records.verdicts import Severity
from truetpot.report.html import plain
from truetpot.report.html.charts.trace import parts_chart, roles_chart
from truetpot.report.html.model import Cell, Note, Parts, Section, cell
from truetpot.report.numbers import digits, percent

_BESIDE = ("floor", "ceiling", "ours")
_SEVERITY = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: "info"}


def trace_section(record: TraceRecord) -> Section:
    """Each device of each file: where the time went, roles, kernels, steps."""
    parts = Parts()
    for run in record.runs:
        where = "" if len(record.runs) == 1 else f", {run.device} of {run.file}"
        parts.notes += _notes(run, where)
        parts.draw(parts_chart(run), roles_chart(run))
        ms, calls = f"ms a {run.per}", "calls" if run.per == "file" else "calls a step"
        heads = (
            "role", ms, "share", calls, "found by", *(f"{one}, {ms}" for one in _BESIDE), "ours",
        )  # fmt: skip
        parts.table(f"Roles{where}", heads, map(_role, run.roles))
        heads = ("role", "kernel", calls, ms, "found by", "floor, us a call")
        parts.table(f"Kernels{where}", heads, _kernels(run))
        if run.steps:
            parts.grids.append(plain.grid(f"Steps{where}", run.steps))
    files = ", ".join(dict.fromkeys(run.file for run in record.runs))
    facts = plain.facts(record, ("runs",))
    if len(record.runs) == 1:
        facts += plain.facts(record.runs[0], ("roles", "steps", "findings", "losses"))
    return Section(f"Trace: {files}", parts.notes, parts.charts, parts.grids, facts,
                   plain.origin(record))  # fmt: skip


def _notes(run: TracedRun, where: str) -> Iterator[Note]:
    if not run.valid:
        yield Note("bad", f"Not valid{where}.", "Its times cannot be true.")
    for finding in run.findings:
        tone = _SEVERITY[finding.severity]
        yield Note(tone, f"{finding.title}{where}.", finding.evidence, finding.fix)
    if run.stack is not None:
        tone = "good" if run.valid else "bad"
        steps = f"{run.used_steps} of {run.decode_steps} decode steps, {run.format}."
        yield Note(tone, f"{digits(run.stack.ms_per_token)} ms a {run.per}{where}.", steps)
    for loss in run.losses:
        yield Note("info", f"{digits(loss.ms)} ms in {loss.what}{where}.", loss.sentence)


def _role(row: TracedRole) -> list[Cell]:
    beside = (row.floor_ms, row.ceiling_ms, row.ours_ms)
    return [
        cell(row.role),
        cell(row.ms, digits(row.ms)),
        cell(row.share, percent(row.share)),
        cell(row.calls, f"{row.calls:,.6g}"),
        cell(row.by),
        *(cell(one, None if one is None else digits(one)) for one in beside),
        cell(row.ours),
    ]


def _kernels(run: TracedRun) -> Iterator[list[Cell]]:
    for role in run.roles:
        for row in role.kernels:
            floor = row.floor_us
            yield [
                cell(role.role),
                cell(row.name),
                cell(row.calls, f"{row.calls:,.6g}"),
                cell(row.ms, digits(row.ms)),
                cell(row.by),
                cell(floor, None if floor is None else digits(floor)),
            ]
