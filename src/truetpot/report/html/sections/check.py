"""The section of checked serving results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from truetpot.records.check import CheckedRun, CheckRecord
from truetpot.records.verdicts import Severity
from truetpot.report.html import plain
from truetpot.report.html.charts.runs import TONE, run_name, runs_chart
from truetpot.report.html.model import Cell, Note, Parts, Section, cell
from truetpot.report.numbers import count_of, digits

_ELSEWHERE = (
    "runs", "reported", "definitions", "recomputed", "findings", "slopes", "pairs", "notes",
    "yardstick",
)  # fmt: skip
_RUNS = (
    "run", "tool", "verdict", "ms a token", "x floor", "x step", "batch", "context",
    "worst finding",
)  # fmt: skip
_FINDINGS = ("run", "severity", "finding", "evidence", "factor", "what to do")
_REPORTED = ("run", "metric", "statistic", "as reported, ms", "key")
_DEFINITIONS = ("tool", "metric", "its name", "formula", "counts by", "over", "note", "source")
_RECOMPUTED = ("run", "definition", "divided by", "mean", "median", "p99", "unit", "count")
_SEVERITY = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: "info"}
_FEW = 3
"""Runs whose verdict and findings all stand above the charts; of more only the worst."""


def check_section(record: CheckRecord) -> Section:
    """Verdicts and findings, each run beside its floor, and what every figure means."""
    parts = Parts(notes=list(_notes(record)))
    parts.draw(runs_chart(record))
    parts.table("Runs", _RUNS, (_run(record, run) for run in record.runs))
    parts.table("Findings", _FINDINGS, _findings(record))
    parts.table("Figures as reported", _REPORTED, _reported(record))
    parts.table("What the tool means by them", _DEFINITIONS, _definitions(record))
    parts.table("Recomputed", _RECOMPUTED, _recomputed(record))
    if record.slopes:
        parts.grids.append(plain.grid("Series", record.slopes))
    for pair in record.pairs:
        parts.grids.append(
            plain.grid(f"With speculative decoding and without: {pair.series}", pair.points)
        )
    facts = [("yardstick", record.yardstick or "none"), *plain.facts(record, _ELSEWHERE)]
    return Section(f"Serving result: {record.file}", parts.notes, parts.charts, parts.grids, facts,
                   plain.origin(record))  # fmt: skip


def _notes(record: CheckRecord) -> Iterator[Note]:
    runs = sorted(record.runs, key=lambda run: run.verdict.position)
    if len(runs) > 1:
        counts = Counter(run.verdict for run in runs)
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        yield Note(TONE[runs[0].verdict], f"{len(runs)} runs: {said}.")
    for run in runs[:_FEW]:
        name = "" if len(runs) == 1 else f"{run_name(record, run)}: "
        verdict = run.verdict if name else run.verdict.capitalize()
        yield Note(TONE[run.verdict], f"{name}{verdict}.", run.serving.why)
        for finding in run.findings:
            said = f"{name}{finding.evidence}"
            yield Note(_SEVERITY[finding.severity], f"{finding.title}.", said, finding.fix)
    if len(runs) > _FEW:
        what = count_of(len(runs) - _FEW, "run")
        yield Note("info", "More.", f"{what} with verdicts that are no worse: see the tables.")
    for step in dict.fromkeys(run.serving.step_from for run in runs):
        if step is not None:
            yield Note("info", "The measured step.", f"{step}.")
    for pair in record.pairs:
        for sentence in pair.says:
            yield Note("info", pair.series, sentence)
    for note in dict.fromkeys(note for run in runs for note in run.notes):
        yield Note("info", "Reading the file.", note)


def _run(record: CheckRecord, run: CheckedRun) -> list[Cell]:
    serving = run.serving
    return [
        cell(run_name(record, run)),
        cell(run.tool),
        cell(run.verdict, tone=TONE[run.verdict]),
        _number(serving.reported_ms),
        _number(serving.over_floor),
        _number(serving.over_step),
        _number(serving.batch),
        _number(serving.context),
        cell(run.findings[0].title if run.findings else ""),
    ]


def _findings(record: CheckRecord) -> Iterator[list[Cell]]:
    for run in record.runs:
        for one in run.findings:
            yield [
                cell(run_name(record, run)),
                cell(one.severity, tone=_SEVERITY[one.severity]),
                cell(one.title),
                cell(one.evidence),
                _number(one.factor),
                cell(one.fix),
            ]


def _reported(record: CheckRecord) -> Iterator[list[Cell]]:
    for run in record.runs:
        for metric, figures in run.reported.items():
            for statistic, figure in figures.items():
                yield [
                    cell(run_name(record, run)),
                    cell(metric),
                    cell(statistic),
                    _ms(figure.value_s),
                    cell(figure.key),
                ]


def _definitions(record: CheckRecord) -> Iterator[list[Cell]]:
    told = {
        (run.tool, metric): row for run in record.runs for metric, row in run.definitions.items()
    }
    for (tool, metric), row in told.items():
        yield [
            cell(tool),
            cell(metric),
            cell(row.name),
            cell(row.formula),
            cell(row.counting),
            cell(row.aggregate),
            cell(row.note),
            cell(row.source),
        ]


def _recomputed(record: CheckRecord) -> Iterator[list[Cell]]:
    for run in record.runs:
        for definition, by_count in run.recomputed.items():
            rate = definition.endswith("throughput")
            scale, unit = (1.0, "tokens/s") if rate else (1e3, "ms")
            for counting, row in by_count.items():
                values = (row.mean, row.median, row.percentiles.get("p99"))
                yield [
                    cell(run_name(record, run)),
                    cell(definition),
                    cell(counting),
                    *(_number(None if one is None else one * scale) for one in values),
                    cell(unit),
                    cell(row.count),
                ]


def _number(value: float | None) -> Cell:
    return cell(value, None if value is None else digits(value))


def _ms(seconds: float | None) -> Cell:
    return _number(None if seconds is None else seconds * 1e3)
