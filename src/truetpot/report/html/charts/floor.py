"""The floor: its terms, its curve over a request, and published figures over their floors."""

from __future__ import annotations

from truetpot.records.floor import FloorRecord
from truetpot.records.published import PublishedRecord
from truetpot.report.html.charts.bars import Bar, bars_chart
from truetpot.report.html.charts.canvas import Chart, log_scale, plain_numbers, styled
from truetpot.report.html.palette import colour
from truetpot.report.numbers import count_of, digits


def terms_chart(record: FloorRecord) -> Chart | None:
    """A bar a term; what is not in the bound is pale."""
    terms = record.terms
    bars = [
        Bar("weights", terms.weights_ms, "measured", "in the bound"),
        Bar("scales", terms.scales_ms, "measured", "in the bound"),
        Bar("KV cache", terms.kv_ms, "measured", "in the bound"),
    ]
    if record.operations_ms is not None:
        bars.append(Bar("operations", record.operations_ms, "bound", "instead, where longer"))
    if terms.collectives_ms:
        bars.append(Bar("collectives", terms.collectives_ms, "slower", "a model, not in the bound"))
    bars.append(Bar("floor", record.ms_per_token, "good", f"{record.bound_by or 'bytes'} bound it"))
    return bars_chart(bars, "Terms of the floor", "ms a step, by arithmetic")


@styled
def curve_chart(record: FloorRecord) -> Chart | None:
    """The floor over the contexts of a request; None without a range."""
    if not record.curve:
        return None
    chart = Chart(f"The floor over context: {count_of(len(record.curve), 'point')}", 3.6)
    axes = chart.axes
    where = [point.context for point in record.curve]
    axes.plot(where, [point.ms_per_token for point in record.curve], color=colour("measured"))
    for point in record.curve:
        (dot,) = axes.plot([point.context], [point.ms_per_token], "o", color=colour("measured"),
                           markersize=4)  # fmt: skip
        chart.mark(dot, f"context {point.context:,}: {digits(point.ms_per_token)} ms")
    if record.mean_ms_per_token is not None:
        axes.axhline(record.mean_ms_per_token, color=colour("text"), linestyle="--", linewidth=1.2,
                     label=f"mean: {digits(record.mean_ms_per_token)} ms")  # fmt: skip
        axes.legend(loc="best")
    plain_numbers(axes.xaxis)
    axes.set_xlabel("context, tokens in the cache")
    axes.set_ylabel("ms a token (the axis does not begin at zero)")
    axes.set_title("The floor over a request")
    return chart


@styled
def published_chart(record: PublishedRecord) -> Chart | None:
    """A dot a figure that has a floor: how many times it, on a log axis."""
    rows = [row for row in record.figures if row.ratio is not None]
    if not rows:
        return None
    chart = Chart(
        f"{count_of(len(rows), 'published figure')} over its floor", 0.3 * len(rows) + 1.2
    )
    axes = chart.axes
    for i, row in enumerate(rows):
        assert row.ratio is not None
        role = "bad" if row.impossible else "observed" if row.comparable else "bound"
        (dot,) = axes.plot([row.ratio], [i], "o", color=colour(role), markersize=8,
                           markerfacecolor=colour(role) if row.comparable else "none")  # fmt: skip
        chart.mark(dot, f"{row.id}: {digits(row.ratio)} x its floor; {row.reason or 'comparable'}")
        chart.beside(digits(row.ratio), row.ratio, i)
    axes.axvline(1, color=colour("text"), linewidth=1.2)
    log_scale(axes, axes.xaxis)
    chart.room(0.12)
    chart.name_rows([f"{row.id}, {row.cards} x {row.device}" for row in rows])
    axes.set_xlabel("times the floor, log axis; hollow: not comparable")
    return chart
