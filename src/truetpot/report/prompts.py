"""What a set of prompts is, and the measures that this follows from."""

from __future__ import annotations

from pathlib import Path

from rich.console import Group, RenderableType

from truetpot.report.numbers import percent
from truetpot.report.table import Table, name, number
from truetpot.report.words import words
from truetpot.serving.prompts.inspect import Inspection, thresholds


def draw_inspection(found: Inspection, file: Path) -> RenderableType:
    """The verdict on a file, its shares, and each measure beside its threshold."""
    table = Table(name("measure"), *map(number, ("lowest", "median", "highest", "threshold")))
    for measure, threshold in thresholds().items():
        if (middle := found.middle(measure)) is not None:
            values = [getattr(judged, measure) for judged in found.prompts]
            shown = (f"{value:.3f}" for value in (min(values), middle, max(values)))
            table.row(measure.replace("_", " "), *shown, threshold)
    shares = ", ".join(f"{percent(share)} {kind}" for kind, share in found.shares.items() if share)
    return Group(
        words(f"{file}: {found.kind}"),
        words(f"{len(found.prompts):,} prompts: {shares}; {percent(found.distinct)} distinct"),
        "",
        table,
    )
