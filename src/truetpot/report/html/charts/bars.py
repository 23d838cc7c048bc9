"""Bars of one quantity from zero, with what each is held against as ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from truetpot.report.html.charts.canvas import Chart, name_of, styled
from truetpot.report.html.palette import colour
from truetpot.report.numbers import count_of, digits


@dataclass(frozen=True)
class Bar:
    """One row: a value, the role of its colour, and words beside it."""

    name: str
    value: float
    role: str
    said: str = ""
    ticks: dict[str, float] = field(default_factory=dict)
    """By a role of the palette."""


@styled
def bars_chart(
    bars: Sequence[Bar], title: str, unit: str, legend: dict[str, str] | None = None
) -> Chart | None:
    """A bar a row, the first on top; ``legend`` says what ticks of a role are."""
    if not bars:
        return None
    chart = Chart(f"{title}: {count_of(len(bars), 'bar')}", 0.36 * len(bars) + 1.25)
    axes = chart.axes
    for i, bar in enumerate(bars):
        (drawn,) = axes.barh(i, bar.value, height=0.62, color=colour(bar.role))
        chart.mark(
            drawn, f"{bar.name}: {digits(bar.value)}" + (f", {bar.said}" if bar.said else "")
        )
        for role, at in bar.ticks.items():
            axes.plot([at, at], [i - 0.4, i + 0.4], color=colour(role), linewidth=2.2)
        words = ", ".join(filter(None, [digits(bar.value), name_of(bar.said, 60)]))
        chart.beside(words, max(bar.value, *bar.ticks.values(), 0), i, "text")
    for role, words in (legend or {}).items():
        axes.plot([], [], "|", color=colour(role), markersize=12, markeredgewidth=2.2, label=words)
    if legend:
        chart.figure.legend(loc="outside upper left", ncols=4)
    chart.name_rows([bar.name for bar in bars])
    chart.room(0.35)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(unit)
    axes.set_title(title)
    return chart
