"""Speculative decoding for people: the drafts of a run, and a run beside one without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Group, RenderableType

from truetpot.records.speculation import PairPoint, PairRow
from truetpot.report.numbers import digits
from truetpot.report.table import Table, name, number
from truetpot.report.words import words
from truetpot.serving.records import Run
from truetpot.serving.thresholds import limit


def drafts_of(run: Run) -> str:
    """What the file says of speculative decoding, in one line; "" where it says nothing."""
    stated, drafts = run.setting.tokens_per_step, run.drafts
    parts = []
    if stated is not None and (drafts is not None or stated > limit("speculation")):
        parts.append(f"{digits(stated)} tokens a step")
    if drafts is not None:
        follows = drafts.tokens_per_step
        if stated is None and follows is not None:
            parts.append(f"{digits(follows)} tokens a step")
        elif stated and follows and abs(follows / stated - 1) > limit("same"):
            parts.append(f"by its steps and positions {digits(follows)}")
        parts.append(_accepted(run))
        if drafts.steps is not None:
            parts.append(f"{drafts.steps:,} steps")
    said = ", ".join(filter(None, parts))
    source = f" ({drafts.key})" if drafts is not None else ""
    return f"Speculation: {said}{source}." if said else ""


def _accepted(run: Run) -> str:
    drafts = run.drafts
    if drafts is None or (drafts.rate is None and not drafts.by_position):
        return ""
    many = "drafted tokens" if drafts.drafted is None else f"{drafts.drafted:,} drafted tokens"
    text = "" if drafts.rate is None else f"{drafts.rate:.1%} of {many} accepted"
    if drafts.by_position:
        each = ", ".join(f"{share * 100:.1f}" for share in drafts.by_position)
        text += f"{', ' if text else ''}by position {each} %"
    return text.replace("%", " %", 1) if drafts.rate is not None else text


def draw_pair(pair: PairRow) -> RenderableType:
    """The result of a pair of runs, then a row for each context."""
    head = [words(sentence, style="bold" if i == 0 else "") for i, sentence in enumerate(pair.says)]
    files = {"with": [point.file for point in pair.points],
             "without": [point.file_without for point in pair.points]}  # fmt: skip
    notes = [f"{arm} speculation: {', '.join(dict.fromkeys(paths))}" for arm, paths in
             files.items() if paths]  # fmt: skip
    notes += [f"{row.what}: {row.with_it} with speculation, {row.without} without" for row in
             pair.differs]  # fmt: skip
    notes += [f"left out: {sentence}" for sentence in pair.left_out]
    parts: list[RenderableType] = [*head]
    if pair.points:
        parts += ["", _table(pair.points)]
    return Group(*parts, *(words(note, style="dim") for note in notes))


def _table(points: Sequence[PairPoint]) -> RenderableType:
    """Without the columns that no point has."""
    several = len({round(point.context) for point in points}) < len(points)
    shown = [
        (title, texts)
        for title, value in _COLUMNS.items()
        if any(texts := [value(point) for point in points])
    ]
    first = (name("run"),) if several else ()
    table = Table(*first, *(number(title) for title, _ in shown))
    for i, point in enumerate(points):
        file = (f"{Path(point.file).name} {point.place}".strip(),) if several else ()
        table.row(*file, *(texts[i] for _, texts in shown), style=_style(point))
        if point.wrong:
            table.line(f"no figure: {point.wrong}", style="yellow")
    return table


def _shown(value: float | None) -> str:
    return "" if value is None else digits(value)


_COLUMNS: dict[str, Callable[[PairPoint], str]] = {
    "context": lambda point: f"{point.context:,.0f}",
    "batch": lambda point: "" if point.batch is None else f"{point.batch:.3g}",
    "with, ms a token": lambda point: digits(point.with_ms),
    "without": lambda point: digits(point.without_ms),
    "gain": lambda point: _shown(point.gain),
    "tokens a step": lambda point: _shown(point.tokens_per_step),
    "ms a step": lambda point: _shown(point.step_ms),
    "x plain step": lambda point: _shown(point.step_over_plain),
    "floor, ms": lambda point: _shown(point.floor_ms),
}


def _style(point: PairPoint) -> str:
    if point.gain is None or abs(point.gain - 1) <= limit("same"):
        return "yellow"
    return "green" if point.gain > 1 else "red"
