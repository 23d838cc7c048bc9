"""A live server over concurrency: what a request saw, beside what the ladder says."""

from __future__ import annotations

from truetpot.records.drive import DrivePoint, DriveRecord
from truetpot.report.html.charts.canvas import Chart, plain_numbers, styled
from truetpot.report.html.palette import colour
from truetpot.report.numbers import count_of, digits

_BESIDE = (("step_ms", "step, measured here", "-."), ("ceiling_ms", "ceiling", "--"),
           ("floor_ms", "floor", ":"))  # fmt: skip


def timed(record: DriveRecord) -> list[DrivePoint]:
    """The points that have a time per token, by concurrency."""
    found = [point for point in record.points if (point.token_ms or 0) > 0]
    return sorted(found, key=lambda point: point.concurrency)


@styled
def drive_chart(record: DriveRecord) -> Chart | None:
    """A dot a concurrency, and lines of the ladder; None where no point has a time."""
    points = timed(record)
    if not points:
        return None
    chart = Chart(f"ms a token over concurrency: {count_of(len(points), 'point')}", 4.0)
    axes = chart.axes
    where = [point.concurrency for point in points]
    axes.plot(where, [point.token_ms or 0 for point in points], color=colour("observed"),
              linewidth=1.6, label="served")  # fmt: skip
    for point in points:
        (dot,) = axes.plot([point.concurrency], [point.token_ms or 0], "o",
                           color=colour("observed"))  # fmt: skip
        chart.mark(
            dot, f"concurrency {point.concurrency}: {digits(point.token_ms or 0)} ms a token"
        )
    for name, words, line in _BESIDE:
        there = [point for point in points if getattr(point, name)]
        if there:
            axes.plot([point.concurrency for point in there],
                      [getattr(point, name) for point in there], line, marker="_",
                      color=colour("measured"), label=words)  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_xticks(where, [f"{one:,}" for one in where])
    plain_numbers(axes.yaxis)
    axes.set_xlabel("concurrency, requests at once")
    axes.set_ylabel("ms a token (the axis does not begin at zero)")
    chart.figure.legend(loc="outside upper left", ncols=4)
    return chart
