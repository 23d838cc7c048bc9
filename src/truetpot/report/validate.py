"""What ``truetpot validate`` found: a line a test and card, then every figure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rich.console import Group, RenderableType

from truetpot.records.validate import (
    BadMemory,
    BaselineRecord,
    Figure,
    Health,
    HeldTo,
    Judgement,
    Second,
    ValidatedTest,
    ValidateRecord,
)
from truetpot.report.numbers import count_of, digits
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words
from truetpot.validate.judge import decisive

STYLE = {
    Health.PASS: "green",
    Health.NOT_JUDGED: "",
    Health.WARN: "yellow",
    Health.FAIL: "red",
    Health.COULD_NOT_RUN: "red",
    Health.NOT_RUN: "dim",
}
LAST_LINES = 8
"""Of a traceback; the record has the rest."""
STEPS = " ▁▂▃▄▅▆▇█"
COLUMNS = 60


def draw_validate(record: ValidateRecord) -> RenderableType:
    """Machine, tests, figures, bad memory, tracebacks, and the verdict in a sentence."""
    about = Table(name(), prose())
    about.row("host", f"{record.host}, {record.os}")
    about.row("level", record.level + (", small sizes" if record.small else ""))
    for device in record.devices:
        driver = device.identity.get("driver")
        known = device.hardware or "not in the tables of cards"
        about.row(device.device, f"{device.kind_of_card} ({known}), driver {driver or 'unknown'}")
    if record.baseline:
        about.row("baseline", record.baseline)
    parts: list[RenderableType] = [about, "", draw_tests(record.tests)]
    if any(test.figures for test in record.tests):
        parts += ["", draw_figures(record.tests)]
    for test in record.tests:
        if test.bad_memory is not None:
            parts += ["", words((f"{test.name} on {test.device}", "bold"))]
            parts.append(draw_bad_memory(test.bad_memory))
        if test.series:
            parts += ["", words((f"{test.name} on {test.device}", "bold"))]
            parts.append(draw_series(test.series))
        if test.traceback:
            parts += ["", words((f"{test.name} on {test.device}", "bold"))]
            parts += [words(f"  {line}") for line in test.traceback.splitlines()[-LAST_LINES:]]
    return Group(*parts, "", draw_outcome(record))


def draw_tests(tests: Sequence[ValidatedTest]) -> RenderableType:
    """A line a test and card: the figure that decides, what it is held against, what to do."""
    table = Table(
        name("test"), name("on"), name("verdict"), name("figure"), number("measured"),
        number("expected"), prose("what next"),
    )  # fmt: skip
    for test in tests:
        which, measured, expected = "", "", ""
        if found := decisive(test.figures):
            figure, held = found
            which, measured, expected = figure.name, _value(figure), _expected(figure, held)
        next_step = ": ".join(part for part in (test.said, test.do) if part)
        verdict = words((test.verdict.value, STYLE[test.verdict]))
        table.row(test.name, test.device, verdict, which, measured, expected, next_step)
    return table


def draw_figures(tests: Sequence[ValidatedTest]) -> RenderableType:
    """Each figure, and each yardstick that it was held against."""
    table = Table(
        name("test"), name("on"), name("figure"), number("measured"), name("verdict"),
        prose("held against"),
    )  # fmt: skip
    for test in tests:
        for figure in test.figures:
            held = [f"{one.against.value} {_expected(figure, one)}" for one in figure.judged]
            if len(figure.attempts) > 1:
                held.append(f"of {', '.join(map(digits, figure.attempts))}")
            if figure.note:
                held.append(figure.note)
            verdict = words((figure.verdict.value, STYLE[figure.verdict]))
            table.row(
                test.name, test.device, figure.name, _value(figure), verdict, "; ".join(held)
            )
    return table


def draw_bad_memory(bad: BadMemory) -> RenderableType:
    """Where, which bits, which byte lanes, found by which pattern."""
    table = Table(name(), prose())
    table.row("bad words", f"{bad.words:,}; {bad.to_one:,} bits to 1, {bad.to_zero:,} to 0")
    table.row("patterns", ", ".join(f"{one} {count:,}" for one, count in bad.patterns.items()))
    table.row("bits", ", ".join(f"{i}: {n:,}" for i, n in enumerate(bad.bits) if n))
    table.row("byte lanes", ", ".join(f"{i}: {n:,}" for i, n in enumerate(bad.lanes) if n))
    shown = [f"{one.first:#x} to {one.last:#x} ({one.words:,})" for one in bad.regions[:LAST_LINES]]
    table.row("regions", f"{len(bad.regions)}: {', '.join(shown)}")
    return table


def draw_series(series: Sequence[Second]) -> RenderableType:
    """Rate, clock, power and heat over time: a line each, lowest to highest."""
    table = Table(name(), name(), number("low"), number("high"), name())
    for title, unit, values in series_of(series):
        told = [value for value in values if value is not None]
        if told:
            table.row(title, _spark(values), digits(min(told)), digits(max(told)), unit)
    held = sorted({reason for one in series for reason in one.throttled_by})
    last = words(f"throttled by {', '.join(held)}" if held else "never throttled", style="dim")
    return Group(table, last)


def series_of(series: Sequence[Second]) -> list[tuple[str, str, list[float | None]]]:
    """Title, unit and values of what a series has, in the order of a plot."""
    return [
        ("rate", "TFLOPS", [one.rate for one in series]),
        ("clock", "MHz", [one.clock_mhz for one in series]),
        ("memory clock", "MHz", [one.memory_clock_mhz for one in series]),
        ("power", "W", [one.power_w for one in series]),
        ("temperature", "C", [one.temperature_c for one in series]),
    ]


def draw_outcome(record: ValidateRecord) -> RenderableType:
    """How many tests passed, failed or did not run, in a sentence."""
    ran = [one for one in record.tests if one.verdict is not Health.NOT_RUN]
    by = {verdict: [one for one in ran if one.verdict is verdict] for verdict in Health}
    said = [f"{len(by[Health.PASS])} of {count_of(len(ran), 'test')} that ran passed"]
    for verdict, what in (
        (Health.FAIL, "failed"), (Health.WARN, "warned"), (Health.COULD_NOT_RUN, "could not run"),
        (Health.NOT_JUDGED, "had nothing to be held against"),
    ):  # fmt: skip
        if by[verdict]:
            said.append(f"{len(by[verdict])} {what}")
    if len(ran) < len(record.tests):
        said.append(f"{len(record.tests) - len(ran)} did not run")
    if record.partial:
        said.append("the run did not come to its end")
    style = STYLE[record.verdict]
    return words((record.verdict.value, style), f": {', '.join(said)}.")


def draw_baseline(path: str, baseline: BaselineRecord) -> RenderableType:
    """What a baseline was made of, in a sentence."""
    cards = sorted({one.card for one in baseline.figures})
    figures = count_of(len(baseline.figures), "figure")
    return words(f"{path} has {figures} of {', '.join(cards)}.")


def _value(figure: Figure) -> str:
    if figure.unit == "errors":
        return f"{figure.value:.0f}"
    if figure.unit == "share":
        return f"{figure.value:.3f}"
    return f"{digits(figure.value)} {figure.unit}"


def _expected(figure: Figure, held: Judgement) -> str:
    """``>= 410.4 of 456.0``."""
    if held.against is HeldTo.EXACT:
        return f"{held.limit:.0f}"
    least = (figure.better == "higher") != (held.against is HeldTo.PHYSICS)
    text = f"{'>=' if least else '<='} {digits(held.limit)}"
    if held.expected is not None and held.against is not HeldTo.PHYSICS:
        text += f" of {digits(held.expected)}"
    return text


def _spark(values: Sequence[float | None]) -> str:
    """A character for each of at most 60 stretches of time."""
    count = min(COLUMNS, len(values))
    ends = [round(i * len(values) / count) for i in range(count + 1)]
    means = []
    for start, end in pairwise(ends):
        told = [value for value in values[start:end] if value is not None]
        means.append(sum(told) / len(told) if told else None)
    known = [one for one in means if one is not None]
    low, high = min(known), max(known)
    step = (high - low) or 1.0
    return "".join(
        STEPS[0] if one is None else STEPS[1 + min(7, int(8 * (one - low) / step))] for one in means
    )
