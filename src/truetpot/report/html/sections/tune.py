"""The section of a search of launch parameters."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.records.tune import TunedRow, TuneRecord, TuneStatus
from truetpot.report.config import describe
from truetpot.report.html import plain
from truetpot.report.html.charts.gains import gains_chart
from truetpot.report.html.model import Cell, Note, Parts, Section, cell
from truetpot.report.html.sections.decode import told
from truetpot.report.numbers import digits, microseconds

_TONE = {TuneStatus.TUNED: "good", TuneStatus.WRONG: "bad", TuneStatus.DEFAULT: "",
         TuneStatus.SKIPPED: "info"}  # fmt: skip
_HEADS = ("op", "roles", "provider", "status", "default us", "best us", "gain", "interval",
          "best parameters", "trials", "case", "reason")  # fmt: skip


def tune_section(record: TuneRecord) -> Section:
    """What was found and kept, and every configuration that was looked at."""
    parts = Parts(notes=list(_notes(record)))
    parts.draw(gains_chart(record))
    parts.table("Searches", _HEADS, map(_row, record.results))
    parts.table("Configurations looked at", ("op", "provider", "case", "parameters", "us",
                "gain in a short race", "reason"), _looks(record))  # fmt: skip
    if record.step is not None and record.step.entries:
        parts.grids.append(plain.grid("In the whole step", record.step.entries))
    facts = plain.facts(record, ("results", "warnings", "step"))
    title = f"Launch parameters of {record.model or 'a shape'}, {record.environment.device['name']}"
    return Section(title, parts.notes, parts.charts, parts.grids, facts, plain.origin(record))


def _notes(record: TuneRecord) -> Iterator[Note]:
    for row in record.results:
        if row.status is TuneStatus.WRONG:
            yield Note("bad", f"{row.provider} {row.op} is wrong.", row.reason)
    tuned = sum(row.status is TuneStatus.TUNED for row in record.results)
    searches = len(record.results)
    said = f"Better parameters than the default in {tuned} of {searches} searches."
    yield Note("good" if tuned else "info", said)
    if record.step is not None and record.step.gain is not None:
        yield Note("good", f"The whole step gains {digits(record.step.gain)} times.")
    yield from told(record.warnings, record.partial)


def _row(row: TunedRow) -> list[Cell]:
    default, best = row.default, row.best
    times = [
        cell(None) if one is None or one.median_s is None
        else cell(one.median_s * 1e6, microseconds(one.median_s))
        for one in (default, best)
    ]  # fmt: skip
    interval = (
        "" if best is None or best.gain_ci is None else " to ".join(map(digits, best.gain_ci))
    )
    return [
        cell(row.op),
        cell(", ".join(row.roles)),
        cell(row.provider),
        cell(row.status, tone=_TONE.get(row.status, "warn")),
        *times,
        cell(None) if best is None or best.gain is None else cell(best.gain, f"{best.gain:.3f}"),
        cell(interval),
        cell("" if best is None else describe(best.config)),
        cell(len(row.looks)),
        cell(row.case),
        cell(row.reason),
    ]


def _looks(record: TuneRecord) -> Iterator[list[Cell]]:
    for row in record.results:
        for look in row.looks:
            yield [
                cell(row.op),
                cell(row.provider),
                cell(row.case),
                cell(describe(look.config)),
                cell(None) if look.median_s is None
                else cell(look.median_s * 1e6, microseconds(look.median_s)),
                cell(None) if look.gain is None else cell(look.gain, f"{look.gain:.3f}"),
                cell(look.reason),
            ]  # fmt: skip
