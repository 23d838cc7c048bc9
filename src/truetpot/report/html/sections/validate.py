"""The section of an acceptance test of cards and host."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.records.validate import Health, Judgement, ValidatedTest, ValidateRecord
from truetpot.report.html import plain
from truetpot.report.html.charts.validate import TONE, figures_chart, load_chart
from truetpot.report.html.model import Cell, Note, Parts, Section, cell
from truetpot.report.numbers import count_of, digits

_TESTS = ("test", "on", "verdict", "seconds", "figures", "why", "what next", "about")
_FIGURES = (
    "test", "on", "figure", "value", "unit", "verdict", "held against", "expected", "limit",
    "attempts", "source", "note",
)  # fmt: skip


def validate_section(record: ValidateRecord) -> Section:
    """The verdict, what failed and what to do, figures over their limits, every test."""
    parts = Parts(notes=list(_notes(record)))
    parts.draw(figures_chart(record), load_chart(record))
    parts.table("Tests", _TESTS, map(_test, record.tests))
    parts.table("Figures", _FIGURES, _figures(record))
    for test in record.tests:
        if test.bad_memory is not None and test.bad_memory.regions:
            title = f"Bad memory, {test.name} on {test.device}"
            parts.grids.append(plain.grid(title, test.bad_memory.regions))
    parts.grids.append(plain.grid("Devices", record.devices))
    facts = plain.facts(record, ("tests", "devices"))
    title = f"Validation of {record.host}, level {record.level}"
    return Section(title, parts.notes, parts.charts, parts.grids, facts, plain.origin(record))


def _notes(record: ValidateRecord) -> Iterator[Note]:
    passed = sum(test.verdict is Health.PASS for test in record.tests)
    said = f"{passed} of {count_of(len(record.tests), 'test')} passed."
    yield Note(TONE[record.verdict], f"Verdict: {record.verdict}.", said)
    if record.small:
        yield Note("warn", "Small sizes.", "They say nothing of a card.")
    if record.partial:
        yield Note("warn", "Partial.", "The run was ended: this is what was tested.")
    for test in record.tests:
        if test.said:
            head = f"{test.name} on {test.device}: {test.verdict}."
            yield Note(TONE[test.verdict], head, test.said, test.do)


def _test(test: ValidatedTest) -> list[Cell]:
    return [
        cell(test.name),
        cell(test.device),
        cell(test.verdict, tone=TONE[test.verdict]),
        cell(test.seconds, digits(test.seconds)),
        cell(len(test.figures)),
        cell(test.said),
        cell(test.do),
        cell(test.about),
    ]


def _figures(record: ValidateRecord) -> Iterator[list[Cell]]:
    """A row a figure and yardstick; one for a figure without any."""
    for test in record.tests:
        for figure in test.figures:
            judged: list[Judgement | None] = [*figure.judged]
            for held in judged or [None]:
                expected = None if held is None else held.expected
                verdict = figure.verdict if held is None else held.verdict
                yield [
                    cell(test.name),
                    cell(test.device),
                    cell(figure.name),
                    cell(figure.value, digits(figure.value)),
                    cell(figure.unit),
                    cell(verdict, tone=TONE[verdict]),
                    cell("" if held is None else held.against),
                    cell(expected, None if expected is None else digits(expected)),
                    cell(None) if held is None else cell(held.limit, digits(held.limit)),
                    cell(", ".join(map(digits, figure.attempts))),
                    cell("" if held is None else held.source),
                    cell(figure.note),
                ]
