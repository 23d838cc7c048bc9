"""A checked serving result: figures, findings, and where it stands on the ladder."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding

from truetpot.records.check import VisibleCount
from truetpot.records.verdicts import Metric, Verdict
from truetpot.report.numbers import count_of, digits
from truetpot.report.pair import drafts_of
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words
from truetpot.serving.check import DENOMINATOR, Checked
from truetpot.serving.evidence import Known
from truetpot.serving.findings.visible import OPEN
from truetpot.serving.pair import counts_messages
from truetpot.serving.records import Run
from truetpot.serving.thresholds import limit
from truetpot.serving.verdict import Serving

_COLOUR = {"error": "bold red", "warning": "yellow", "info": "cyan"}
VERDICT_STYLE = {
    Verdict.BELIEVABLE: "bold green",
    Verdict.INFLATED: "bold red",
    Verdict.IMPOSSIBLE: "bold red",
    Verdict.NOT_COMPARABLE: "bold yellow",
    Verdict.UNDECIDABLE: "bold yellow",
}
_STATISTICS = ("mean", "median", "p90", "p95", "p99", "max")
MOST_COUNTS = 12
"""Rows of the table of visible counts; JSON has them all."""
WIDE = 1.25
"""A range of that factor or more is shown."""


def draw_checked(
    checked: Checked, serving: Serving, yardstick_from: Sequence[str] = ()
) -> RenderableType:
    """Everything about one run; ``yardstick_from`` says what its yardstick was made of."""
    run = checked.run
    where = f", {run.place}" if run.place else ""
    head = words((run.tool, "bold"), f" ({run.variant}){where}")
    parts: list[RenderableType] = [head, draw_worth(serving), words(_totals(run), style="dim")]
    if drafted := drafts_of(run):
        parts.append(words(drafted))
    if (yardstick := checked.evidence.yardstick) is not None:
        parts.append(words("Held against ", (yardstick.what, "bold"), "."))
    parts += [words(sentence, style="dim") for sentence in yardstick_from]
    parts += ["", _reported(run)]
    parts += [words(note, style="dim") for note in run.notes]
    parts += ["", _recomputed(checked)]
    for finding in checked.findings:
        title = words(
            (finding.severity.value, _COLOUR[finding.severity.value]),
            f"  {finding.title}  ",
            (finding.id, "dim"),
        )
        body = Group(words(finding.evidence), words(f"Fix: {finding.fix}", style="dim"))
        parts += ["", title, Padding(body, (0, 0, 0, 2))]
        if finding.id == DENOMINATOR:
            parts.append(Padding(draw_visible(checked.visible), (0, 0, 0, 2)))
    if not checked.findings:
        parts += ["", words("No finding.", style="green")]
    return Group(*parts, "", draw_standing(serving, checked))


def draw_worth(serving: Serving) -> RenderableType:
    """What the number is worth, and why."""
    verdict = (serving.verdict.value, VERDICT_STYLE[serving.verdict])
    factor = f" by {digits(serving.factor)}" if serving.factor else ""
    known = serving.reported_s
    reported = "" if known is None else f"{digits(known * 1e3)} ms a token: "
    return words(reported, verdict, factor, f". {serving.why}")


def draw_standing(serving: Serving, checked: Checked) -> RenderableType:
    """Where the figure stands on the ladder, and at which batch and context."""
    if serving.reported_s is None:
        return Group()
    table = Table(name(), name(), prose(), prose())
    yardstick = checked.evidence.yardstick
    lowest = "spec" if yardstick is None or yardstick.hard else "ceiling"
    if yardstick is not None and serving.floor_s is not None and serving.over_floor is not None:
        table.row(lowest, f"{serving.floor_s * 1e3:.2f} ms", "", yardstick.floor_from)
    if serving.step_s is not None:
        table.row("step", f"{serving.step_s * 1e3:.2f} ms", "", serving.step_from)
    over = [
        f"{digits(ratio)} times {what}"
        for ratio, what in ((serving.over_floor, lowest), (serving.over_step, "step"))
        if ratio is not None
    ]
    reported = f"{digits(serving.reported_s * 1e3)} ms"
    table.row("serving", reported, ", ".join(over), serving.reported_from)
    lines: list[RenderableType] = [table]
    if several := _step_of(serving, checked):
        lines.append(words(several, style="dim"))
    for what, known, form in (
        ("Batch", serving.batch, ".3g"), ("Context", serving.context, ",.0f")
    ):  # fmt: skip
        if known is not None:
            text = f"{what} {known.value:{form}}{_spread(known)}: {known.source}."
            lines.append(words(text, style="dim"))
    return Group(*lines)


def _step_of(serving: Serving, checked: Checked) -> str:
    """Of a run with speculation, what its floor per token is made of; "" for any other."""
    tokens, reported = checked.evidence.tokens_a_step, serving.reported_s
    if tokens <= limit("speculation") or reported is None or counts_messages(checked.evidence):
        return ""
    text = f"A step gave {digits(tokens)} tokens and took {digits(reported * tokens * 1e3)} ms"
    queries = checked.evidence.yardstick.query_tokens if checked.evidence.yardstick else 1
    if serving.floor_s is not None:
        least = digits(serving.floor_s * tokens * 1e3)
        what = f"; a step of {queries} query tokens takes {least} ms at least"
        if queries == 1:
            what = f"; the weights and the cache, each read once, take {least} ms of it at least"
        text += what
    if serving.step_s is not None:
        text += f"; the measured one {digits(serving.step_s * tokens * 1e3)} ms"
    return f"{text}."


def _spread(known: Known) -> str:
    """Between what it lies, where that changes what a reader concludes."""
    if known.assumed:
        return ", assumed"
    high = known.high
    if high is not None and high <= WIDE * known.low:
        return ""
    most = "any more" if high is None else f"{high:,.3g}"
    return f" ({known.low:,.3g} to {most})"


def draw_visible(rows: Sequence[VisibleCount]) -> RenderableType:
    """Counts of visible tokens, what each implies, and its standing."""
    numbers = map(number, ("visible tokens", "interval s", "ms per decoded token"))
    table = Table(*numbers, prose("standing"))
    shown = rows if len(rows) <= MOST_COUNTS else [*rows[: MOST_COUNTS - 1], rows[-1]]
    for row in shown:
        style = "bold" if row.standing == OPEN else "dim"
        why = row.standing if row.standing == OPEN else f"{row.standing} ({row.why})"
        table.row(str(row.n), digits(row.interval_s), digits(row.implied_s * 1e3), why, style=style)
    if len(shown) == len(rows):
        return table
    return Group(table, words(f"{len(rows) - len(shown)} rows between are in --json", style="dim"))


def _totals(run: Run) -> str:
    totals, setting = run.totals, run.setting
    said = [
        "" if totals.completed is None else count_of(totals.completed, "request"),
        f"{totals.failed:,} failed" if totals.failed else "",
        f"{totals.duration_s:,.2f} s" if totals.duration_s is not None else "",
        *(f"{count:,} output tokens ({how.value})" for how, count in totals.output_tokens.items()),
        f"model {setting.model}" if setting.model else "",
    ]
    return ", ".join(part for part in said if part) or "no totals in the file"


def _reported(run: Run) -> RenderableType:
    table = Table(name("reported, ms"), *map(number, _STATISTICS), prose("what it is"))
    for metric in Metric:
        values = [run.figure(metric, statistic) for statistic in _STATISTICS]
        if all(value is None for value in values):
            continue
        definition = run.definitions.get(metric)
        meaning = ""
        if definition is not None:
            meaning = f"{definition.formula}; counts by {definition.counting.value}"
            meaning += f", {definition.aggregate}, to {definition.ends}"
        shown = ["" if value is None else digits(value * 1e3) for value in values]
        table.row(definition.name if definition else metric.value, *shown, meaning)
    return table


def _recomputed(checked: Checked) -> RenderableType:
    figures = map(number, ("n", "mean", "median", "p99"))
    table = Table(name("recomputed"), name("counting"), *figures, name())
    for key, found in checked.recomputed.summaries.items():
        rate = key.endswith("throughput")
        for counting, summary in found.items():
            scale = 1.0 if rate else 1e3
            p99 = summary.percentiles.get(99.0, float("nan"))
            numbers = [
                "" if math.isnan(value) else digits(value * scale)
                for value in (summary.mean, summary.median, p99)
            ]
            unit = "tokens/s" if rate else "ms"
            if summary.from_totals:
                unit += ", from totals"
            counted = counting.value if counting else ""
            table.row(key, counted, f"{summary.count:,}", *numbers, unit)
    return table
