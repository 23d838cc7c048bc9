"""The ladder as bars: one quantity at several heights, its intervals, and the bounds."""

from __future__ import annotations

from collections.abc import Mapping

from truetpot.ladder import LOSSES
from truetpot.records.decode import DecodeRecord
from truetpot.records.rungs import Rung
from truetpot.report.html.charts.canvas import Chart, name_of, styled
from truetpot.report.html.palette import colour
from truetpot.report.numbers import count_of, digits, per, queries

ROLE = {
    "spec": "bound",
    "ceiling": "measured",
    "kernels": "measured",
    "step": "measured",
    "eager": "slower",
    "stack": "observed",
    "serving": "observed",
}
"""What colour a rung has: bounds, what is measured here, what somebody's own run showed."""
BREAK = 3.0
"""An eager step so many times the longest of the others is cut short, so that they stay legible."""
RISE = -0.1
"""By how much a bar lies above the middle of its row, whose words stand below it."""
_WHY = {loss.split("/")[0]: (loss, why) for loss, why in LOSSES.items()}


@styled
def ladder_chart(record: DecodeRecord) -> Chart | None:
    """A bar a rung with its 95 % interval; None for a record that has no rung yet."""
    rungs = list(record.rungs.present())
    if not rungs:
        return None
    unit = per(record.query_tokens or 1)
    chart = Chart(_label(record, unit), 0.62 * len(rungs) + 1.05)
    axes = chart.axes
    end = _end({name: rung.ms_per_token for name, rung in rungs})
    for name, rung in rungs:
        if name in ("spec", "ceiling"):
            where = rung.ms_per_token
            axes.axvline(where, color=colour("bound"), linestyle=(0, (4, 3)), linewidth=1)
    box = {"facecolor": colour("paper"), "edgecolor": "none", "pad": 1}
    for i, (name, rung) in enumerate(rungs):
        _bar(chart, i, name, rung, end)
        axes.text(0.006, i + 0.34, _below(record, name, rung), fontsize=8, va="center", bbox=box,
                  color=colour("muted"), transform=axes.get_yaxis_transform())  # fmt: skip
    axes.set_yticks([i + RISE for i in range(len(rungs))], [name for name, _ in rungs])
    for tick in axes.get_yticklabels():
        tick.set_fontweight("bold")
    axes.set_ylim(len(rungs) - 0.42, -0.5)
    axes.set_xlim(0, end)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(
        f"ms per {unit}; hatched: by arithmetic, solid: measured; whiskers: 95 % interval; dashed: "
        "spec and ceiling"
    )
    axes.set_title(_title(record))
    return chart


def _bar(chart: Chart, index: int, name: str, rung: Rung, end: float) -> None:
    axes, ms, row = chart.axes, rung.ms_per_token, index + RISE
    cut = ms > end
    role = colour(ROLE[name])
    shown = end * 0.86 if cut else ms
    hollow = name == "spec"
    (bar,) = axes.barh(row, shown, height=0.42, color="none" if hollow else role, edgecolor=role,
                       linewidth=1.2, hatch="////" if hollow else None)  # fmt: skip
    interval = "" if rung.ci_ms is None else f" ({' to '.join(map(digits, rung.ci_ms))})"
    value = f"{digits(ms)} ms" + ("*" if rung.extrapolated else "")
    chart.mark(bar, f"{name}: {value}{interval}. {rung.source}")
    at = shown
    if rung.ci_ms is not None and not cut:
        low, high = rung.ci_ms
        axes.plot([low, high], [row, row], color=colour("text"), linewidth=1.4, marker="|",
                  markersize=7)  # fmt: skip
        at = min(max(ms, high), end * 0.88)  # an interval may go far beyond the axis
    if cut:  # two strokes through the end of the bar
        for step in (0.0, 0.012):
            x = end * (0.81 + step)
            axes.plot([x, x + end * 0.012], [row + 0.28, row - 0.28], color=colour("paper"), lw=3)
    box = {"facecolor": colour("paper"), "edgecolor": "none", "pad": 1}
    chart.beside(value, at, row, "text", fontsize=9.5, fontweight="bold", bbox=box)


def _end(times: Mapping[str, float]) -> float:
    """Where the axis ends: beyond the longest bar, or beyond the others where ``eager`` is far."""
    others = max((ms for name, ms in times.items() if name != "eager"), default=0.0)
    longest = max(times.values())
    return (others if others and longest > BREAK * others else longest) * 1.18


def _below(record: DecodeRecord, name: str, rung: Rung) -> str:
    """What stands below a bar: the ratio to the rung before and what that loses, or the source."""
    loss, why = _WHY.get(name, ("", ""))
    ratio = record.losses.get(loss)
    if ratio is None:
        return name_of(rung.source, 110)
    upper_lower = loss.split("/")[1]
    what = why.split(" (")[0]
    return name_of(f"{ratio:.3f} x {upper_lower}: {what}", 110)


def _title(record: DecodeRecord) -> str:
    tp = "" if record.tp == 1 else f", tp = {record.tp}"
    card = record.environment.device["name"]
    tokens = queries(record.query_tokens or 1)
    return name_of(
        f"{record.model}, {record.format}, context {record.context:,}, batch {record.batch}"
        f"{tokens}{tp}, on {card}",
        100,
    )


def _label(record: DecodeRecord, unit: str) -> str:
    rungs = [f"{name} {digits(rung.ms_per_token)} ms" for name, rung in record.rungs.present()]
    count = count_of(len(rungs), "rung")
    return f"The ladder of {_title(record)}: {count}, per {unit}: {', '.join(rungs)}"
