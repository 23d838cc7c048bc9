"""Many checked runs in one table, the farthest from its yardstick first, and their slopes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from os.path import commonpath
from pathlib import Path

from rich.console import Group, RenderableType

from truetpot.records.check import SlopeRow
from truetpot.report.numbers import digits
from truetpot.report.serving import VERDICT_STYLE
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words
from truetpot.serving.judged import RunOfFile


def draw_verdicts(runs: Sequence[RunOfFile]) -> RenderableType:
    """How many runs there are of each verdict, the worst first, and where the worst one is."""
    counts = Counter(one.serving.verdict for one in runs)
    ranked = sorted(counts, key=lambda verdict: verdict.position)
    parts: list[str | tuple[str, str]] = [f"{len(runs)} runs: "]
    for i, verdict in enumerate(ranked):
        parts += [", " if i else "", (f"{counts[verdict]} {verdict.value}", VERDICT_STYLE[verdict])]
    worst = min(runs, key=lambda one: one.serving.verdict.position)
    where = "" if len(ranked) == 1 else f". The worst is {_named(worst, _above(runs))}"
    return words(*parts, f"{where}.")


def draw_runs(runs: Sequence[RunOfFile]) -> RenderableType:
    """One row a run; those without a yardstick come last."""
    numbers = map(number, ("ms a token", "x spec", "batch", "context"))
    table = Table(name("run"), name("tool"), *numbers, name("verdict"), prose("worst finding"))
    above = _above(runs)
    for one in sorted(runs, key=lambda one: one.serving.over_floor or 0.0, reverse=True):
        serving, findings = one.serving, one.checked.findings
        batch, context = serving.batch, serving.context
        table.row(
            _named(one, above),
            one.checked.run.tool,
            "" if serving.reported_s is None else digits(serving.reported_s * 1e3),
            "" if serving.over_floor is None else digits(serving.over_floor),
            "" if batch is None or batch.assumed else f"{batch.value:.3g}",
            f"{context.value:,.0f}" if context and one.evidence.prompt else "",
            serving.verdict.value,
            findings[0].title if findings else "",
            style=VERDICT_STYLE[serving.verdict],
        )
    return table


def _above(runs: Sequence[RunOfFile]) -> str:
    """The folder that all files have in common; "" where that is a root, or none."""
    try:
        above = commonpath([Path(one.file).absolute().parent for one in runs])
    except ValueError:  # on drives of their own
        return ""
    return "" if above == Path(above).anchor else above


def _named(run: RunOfFile, above: str) -> str:
    """File below that folder, else as it was given, and place in it."""
    file = Path(run.file)
    return f"{file.absolute().relative_to(above) if above else file} {run.place}".strip()


def draw_slopes(slopes: Sequence[SlopeRow]) -> RenderableType:
    """How the time per token of each series grows, in ms, a sentence each."""
    return Group(*(words(_sentence(slope)) for slope in slopes))


def _sentence(slope: SlopeRow) -> str:
    each = "1,000 tokens of context" if slope.over == "depth" else "sequence of the batch"
    what = "contexts" if slope.over == "depth" else "batches"
    form = ",.0f" if slope.over == "depth" else ".3g"
    text = (
        f"{slope.series}, {slope.runs} runs at {what} of {slope.least:{form}} to"
        f" {slope.most:{form}}:"
        f" each {each} adds {digits(slope.ms_per_step)} ms to {digits(slope.ms_at_zero)} ms"
    )
    if slope.floor_ms_per_step is not None:
        text += f"; the floor adds {digits(slope.floor_ms_per_step)} ms"
    return f"{text}."
