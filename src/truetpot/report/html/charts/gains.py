"""Gains of a search of launch parameters, with their intervals."""

from __future__ import annotations

from truetpot.records.tune import TunedRow, TuneRecord, TuneStatus
from truetpot.report.html.charts.canvas import Chart, styled
from truetpot.report.html.palette import colour
from truetpot.report.numbers import count_of

_ROLE = {TuneStatus.TUNED: "good", TuneStatus.LEFT_OUT: "warn", TuneStatus.PARTIAL: "warn"}


def found(record: TuneRecord) -> list[TunedRow]:
    """The rows whose search has a result."""
    return [row for row in record.results if row.best is not None]


@styled
def gains_chart(record: TuneRecord) -> Chart | None:
    """A dot a case and provider: the default's time over what is kept; None without a result."""
    rows = found(record)
    if not rows:
        return None
    chart = Chart(f"Gains of {count_of(len(rows), 'search')}", 0.42 * len(rows) + 1.1)
    axes = chart.axes
    for i, row in enumerate(rows):
        assert row.best is not None
        gain, interval = row.best.gain or 1.0, row.best.gain_ci
        tint = colour(_ROLE.get(row.status, "bound"))
        if interval is not None:
            axes.plot(interval, [i, i], color=tint, linewidth=1.6, marker="|", markersize=8)
        (dot,) = axes.plot([gain], [i], "o", color=tint, markersize=8)
        said = f"{gain:.3f}, {row.status}"
        chart.mark(dot, f"{row.provider}, {row.op}, {row.case}: {said}")
        at = max(gain, interval[1] if interval else gain)
        chart.beside(said, at, i, "text")
    axes.axvline(1, color=colour("text"), linewidth=1.2)
    chart.name_rows([f"{row.provider} {row.op} {', '.join(row.roles)}" for row in rows])
    chart.room(0.25)
    axes.set_xlabel("the default's time over what is kept; whiskers: its interval")
    axes.set_title("Gains")
    return chart
