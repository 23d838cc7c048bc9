"""A trace of a stack's own run: roles beside their floor, and where the time of a token went."""

from __future__ import annotations

from truetpot.records.trace import TracedRun
from truetpot.report.html.charts.bars import Bar, bars_chart
from truetpot.report.html.charts.canvas import Chart
from truetpot.report.numbers import digits, percent

_TICKS = (("floor_ms", "text"), ("ceiling_ms", "good"), ("ours_ms", "measured"))
_LEGEND = {"text": "floor", "good": "at the read ceiling", "measured": "truetpot's kernels"}


def roles_chart(run: TracedRun) -> Chart | None:
    """A bar a role, with ticks at what it is held against."""
    bars: list[Bar] = []
    used: set[str] = set()
    for row in run.roles:
        ticks = {role: ms for name, role in _TICKS if (ms := getattr(row, name))}
        used |= ticks.keys()
        said = percent(row.share)
        if row.floor_ms:
            said += f", {digits(row.ms / row.floor_ms)} x its floor"
        bars.append(Bar(row.role, row.ms, "observed", said, ticks))
    legend = {role: words for role, words in _LEGEND.items() if role in used}
    return bars_chart(bars, "Roles", f"ms a {run.per}, exclusive time", legend)


def parts_chart(run: TracedRun) -> Chart | None:
    """A bar a part of the rung ``stack``, which add up to it; None without the rung."""
    if (stack := run.stack) is None:
        return None
    parts = {
        "kernels": stack.kernels_ms,
        "collectives": stack.collectives_ms,
        "copies": stack.copies_ms,
        "host: nothing submitted": stack.gap_host_ms,
        "between submitted kernels": stack.gap_queued_ms,
        "unexplained": stack.unexplained_ms,
    }
    bars = [Bar("stack", stack.ms_per_token, "observed", "the sum of the parts")]
    for name, ms in parts.items():
        role = "observed" if name == "kernels" else "warn"
        said = percent(ms / stack.ms_per_token) if stack.ms_per_token else ""
        bars.append(Bar(name, ms, role, said))
    return bars_chart(bars, f"Where the time of a {run.per} went", f"ms a {run.per}")
