"""What there is to tune: operators and providers with their configurations."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from truetpot.report.table import Table, name, number, prose
from truetpot.tune.tunable import Tunable


def draw_tunable(found: Sequence[Tunable]) -> RenderableType:
    """A line for each operator and provider: its parameters, or why it has none."""
    columns = (name("operator"), name("provider"), number("configurations"))
    table = Table(*columns, prose("parameters, or why there are none"))
    for one in found:
        style = "" if one.counts else "dim"
        table.row(one.op, one.provider, one.count, one.about, style=style)
    return table
