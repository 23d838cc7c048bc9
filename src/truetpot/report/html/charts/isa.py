"""Machine code: how long issue, waiting and local memory take beside reading the bytes."""

from __future__ import annotations

from truetpot.records.isa import Inspection, IsaRecord
from truetpot.report.html.charts.canvas import Chart, log_scale, styled
from truetpot.report.html.palette import colour
from truetpot.report.numbers import count_of, digits

LIMITS = (
    ("issue_over_memory", "issuing", "o", "series0"),
    ("latency_over_memory", "waiting", "s", "series1"),
    ("local_over_memory", "local memory", "D", "series2"),
)
"""Fields of a row, what they are the time of, marker and colour."""


def estimated(record: IsaRecord) -> list[Inspection]:
    """The kernels that have an estimate above zero."""
    return [row for row in record.kernels if any(getattr(row, name) for name, *_ in LIMITS)]


@styled
def limits_chart(record: IsaRecord) -> Chart | None:
    """A row a compiled kernel with a dot a limit; None where the card's rates are not known."""
    rows = estimated(record)
    if not rows:
        return None
    chart = Chart(f"Estimates of {count_of(len(rows), 'kernel')}", 0.3 * len(rows) + 1.5)
    axes = chart.axes
    for i, row in enumerate(rows):
        shown: dict[str, float] = {}
        dots = {}
        for field, what, marker, role in LIMITS:
            value = getattr(row, field)
            if value:
                shown[what] = value
                (dots[what],) = axes.plot([value], [i], marker, color=colour(role), markersize=7)
        said = ", ".join(f"{what} {digits(value)}" for what, value in shown.items())
        which = f"{row.name}, {row.variant}, {row.target}, {row.case}"
        chart.mark(dots[max(shown, key=shown.__getitem__)], f"{which}: {said}; {row.verdict}")
    axes.axvline(1, color=colour("text"), linewidth=1.2)
    for _, what, marker, role in LIMITS:
        axes.plot([], [], marker, color=colour(role), label=what)
    log_scale(axes, axes.xaxis)
    chart.name_rows([f"{row.name} {row.variant} {row.target}, batch {row.batch}" for row in rows])
    axes.set_xlabel("time over that of memory at datasheet bandwidth, log axis; beyond 1 it bounds")
    chart.figure.legend(loc="outside upper left", ncols=4)
    return chart
