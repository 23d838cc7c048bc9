"""Providers beside each other, grouped by case: time of a call, and the ceiling's."""

from __future__ import annotations

from itertools import groupby

from truetpot.records.kernels import KernelRow, KernelsRecord
from truetpot.records.words import Cache
from truetpot.report.html.charts.canvas import Chart, log_scale, name_of, styled
from truetpot.report.html.palette import colour, series
from truetpot.report.numbers import count_of, digits, percent
from truetpot.stats import Comparison

BAR = 0.8
"""Of the room that a case has for a provider."""


def timed(record: KernelsRecord) -> list[KernelRow]:
    """The rows that have a time, which is above zero."""
    return [row for row in record.results if row.median_s is not None and row.median_s > 0]


@styled
def providers_chart(record: KernelsRecord) -> Chart | None:
    """A dot a case and provider with its 95 % interval, on a log axis; None without a time."""
    rows = timed(record)
    if not rows:
        return None
    cases = [list(group) for _, group in groupby(rows, key=lambda row: (row.op, row.case))]
    label = f"{count_of(len(rows), 'time')} of {count_of(len(cases), 'case')}"
    chart = Chart(label, 0.27 * len(rows) + 0.3 * len(cases) + 1.2)
    axes = chart.axes
    providers = list(dict.fromkeys(row.provider for row in rows))
    ticks, names, at = [], [], 0.0
    for group in cases:
        first = at
        for row in group:
            _dot(chart, row, at, series(providers.index(row.provider)))
            at += 1
        _ceiling(chart, group, first - 0.45, at - 0.55)
        axes.axhline(at - 0.1, color=colour("grid"), linewidth=0.7)
        ticks.append((first + at - 1) / 2)
        names.append(_name(group[0]))
        at += 0.8
    for index, provider in enumerate(providers):
        axes.plot([], [], "o", color=series(index), label=name_of(provider))
    axes.plot([], [], "|", color=colour("text"), markersize=12, markeredgewidth=2,
              label="the ceiling's time")  # fmt: skip
    log_scale(axes, axes.xaxis)
    axes.set_yticks(ticks, names)
    axes.set_ylim(at - 0.6, -0.8)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("us a call, log axis; whiskers: 95 % interval; hollow: may read from a cache")
    chart.figure.legend(loc="outside upper left", ncols=5)
    chart.room(0.45)
    return chart


def _dot(chart: Chart, row: KernelRow, at: float, tint: str) -> None:
    axes = chart.axes
    assert row.median_s is not None
    us = row.median_s * 1e6
    end = us
    if row.ci_s is not None and row.ci_s[0] > 0:
        low, high = (one * 1e6 for one in row.ci_s)
        end = max(us, high)
        axes.plot([low, high], [at, at], color=tint, linewidth=1.5, marker="|", markersize=6)
    (dot,) = axes.plot([us], [at], "o", color=tint, markersize=7,
                       markerfacecolor=tint if row.cache is Cache.ROTATED else "none")  # fmt: skip
    best = row.time_over_best
    said = [f"{digits(us)} us"]
    if row.share_of_ceiling is not None and row.cache is Cache.ROTATED:
        said.append(f"{percent(row.share_of_ceiling)} of ceiling")
    if best is not None and best > 1 and row.order is not Comparison.UNDECIDED:
        said.append(f"{best:.2f} x the best")
    chart.beside(", ".join(said), end, at)
    name = f"{row.provider}, {row.op}, {row.case}"
    chart.mark(dot, f"{name}: {', '.join(said)}; {row.status}{row.reason and ': ' + row.reason}")


def _ceiling(chart: Chart, group: list[KernelRow], top: float, bottom: float) -> None:
    """The time that the ceiling takes for the case, where its inputs come from memory."""
    times = [
        row.median_s * row.share_of_ceiling
        for row in group
        if row.cache is Cache.ROTATED and row.median_s and row.share_of_ceiling
    ]
    if times:
        at = min(times) * 1e6
        chart.axes.plot([at, at], [top, bottom], color=colour("text"), linewidth=2)


def _name(row: KernelRow) -> str:
    roles = ", ".join(row.roles)
    return "\n".join(filter(None, [name_of(row.op, 30), name_of(roles, 30)]))
