"""Acceptance: each figure over the limit that it is held to, and a sustained load over time."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.records.validate import Figure, Health, HeldTo, ValidatedTest, ValidateRecord
from truetpot.report.html.charts.canvas import Chart, name_of, styled
from truetpot.report.html.palette import colour, series
from truetpot.report.numbers import count_of, digits

TONE = {
    Health.PASS: "good",
    Health.NOT_JUDGED: "info",
    Health.WARN: "warn",
    Health.FAIL: "bad",
    Health.COULD_NOT_RUN: "bad",
    Health.NOT_RUN: "info",
}
FAR = 4.0
"""Times the limit, up or down, at which a dot stays at the edge: it says how far it is."""


@dataclass(frozen=True)
class Held:
    """A figure against the tightest of its limits: 1 and more passes, whichever way is better."""

    test: ValidatedTest
    figure: Figure
    over: float
    against: HeldTo
    limit: float


def held(record: ValidateRecord) -> list[Held]:
    """Figures that have a limit above zero, other than what no card can exceed."""
    found = []
    for test in record.tests:
        for figure in test.figures:
            ratios = []
            for one in figure.judged:
                good = figure.value if figure.better == "higher" else one.limit
                least = one.limit if figure.better == "higher" else figure.value
                if one.against is not HeldTo.PHYSICS and one.limit > 0 and good > 0 and least > 0:
                    ratios.append((good / least, one))
            if ratios:
                over, one = min(ratios, key=lambda pair: pair[0])
                found.append(Held(test, figure, over, one.against, one.limit))
    return found


@styled
def figures_chart(record: ValidateRecord) -> Chart | None:
    """A dot a figure by its verdict; None where nothing has a limit."""
    rows = held(record)
    if not rows:
        return None
    label = f"{count_of(len(rows), 'figure')} over their limits"
    chart = Chart(label, 0.32 * len(rows) + 1.2)
    axes = chart.axes
    for i, row in enumerate(rows):
        tone = TONE[row.figure.verdict]
        tint = "bound" if tone == "info" else tone
        at = min(max(row.over, 1 / FAR), FAR)
        unit = row.figure.unit
        said = f"{digits(row.figure.value)} {unit}, limit {digits(row.limit)} ({row.against})"
        (dot,) = axes.plot([at], [i], "o", color=colour(tint), markersize=8)
        chart.beside(said, at, i, "text")
        which = f"{row.test.name} on {row.test.device}, {row.figure.name}"
        chart.mark(dot, f"{which}: {said}; {row.figure.verdict}")
    axes.axvline(1, color=colour("text"), linewidth=1.4)
    chart.room(0.4)
    chart.name_rows([f"{row.test.device} {row.test.name}, {row.figure.name}" for row in rows])
    axes.set_xlabel("the figure over its limit, the other way round where less is better; 1 passes")
    axes.set_title("Figures held against their limits")
    return chart


@styled
def load_chart(record: ValidateRecord) -> Chart | None:
    """Rate of a sustained load by second, a line a card; None without one."""
    loads = [test for test in record.tests if test.series]
    if not loads:
        return None
    seconds = sum(len(test.series) for test in loads)
    chart = Chart(f"{count_of(len(loads), 'sustained load')} over time", 3.8)
    axes = chart.axes
    for index, test in enumerate(loads):
        when, rates = [one.at_s for one in test.series], [one.rate for one in test.series]
        (line,) = axes.plot(when, rates, color=series(index), linewidth=1.5, marker=".")
        line.set_label(name_of(f"{test.device} {test.name}"))
        chart.mark(line, f"{test.device} {test.name}: {count_of(len(rates), 'second')}")
        slowed = [one for one in test.series if one.throttled_by]
        axes.plot([one.at_s for one in slowed], [one.rate for one in slowed], "v",
                  color=colour("bad"), label="throttled" if slowed else "_")  # fmt: skip
    axes.legend(loc="best")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("seconds since the load began")
    axes.set_ylabel("rate, in the unit of the test's figure")
    axes.set_title(f"Sustained load, {count_of(seconds, 'look')}")
    return chart
