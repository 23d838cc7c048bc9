"""ms over context and over batch: the step that was measured beside its floor and its ceiling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from truetpot.records.decode import DecodeRecord
from truetpot.records.opening import Part
from truetpot.records.sweep import SweepRecord
from truetpot.report.html.charts.canvas import Chart, name_of, plain_numbers, styled
from truetpot.report.html.palette import colour, series
from truetpot.report.numbers import count_of, digits, per

Axis = Literal["context", "batch"]
_LINES: tuple[tuple[str, str, str], ...] = (
    ("step", "-", "o"),
    ("ceiling", "--", ""),
    ("spec", ":", ""),
)


@dataclass(frozen=True)
class Series:
    """Points that differ in one thing alone, in its order."""

    what: str
    points: tuple[DecodeRecord, ...]


def points_of(records: Iterable[Part]) -> list[DecodeRecord]:
    """Every step that was measured, of single records and of sweeps."""
    found: list[DecodeRecord] = []
    for record in records:
        if isinstance(record, DecodeRecord):
            found.append(record)
        elif isinstance(record, SweepRecord):
            found += [point.record for point in record.points if point.record is not None]
    return [one for one in found if one.rungs.step is not None]


def series_of(points: Sequence[DecodeRecord], over: Axis) -> list[Series]:
    """Those of at least two values of ``over``, all else being the same."""
    groups: dict[tuple[str, ...], dict[int, DecodeRecord]] = {}
    for one in points:
        fixed = (
            one.model, one.format, one.kv_format, one.dtype, f"tp = {one.tp}",
            one.environment.device["name"], f"{one.query_tokens or 1} query tokens",
            f"batch {one.batch}" if over == "context" else f"context {one.context:,}",
        )  # fmt: skip
        value = one.context if over == "context" else one.batch
        groups.setdefault(fixed, {})[value] = one
    several = {key: of for key, of in groups.items() if len(of) > 1}
    if not several:
        return []
    # a label says what tells one series from the others, and always the last: batch or context
    same = [len({key[i] for key in several}) == 1 for i in range(len(next(iter(several))) - 1)]
    return [
        Series(
            ", ".join([part for part, one in zip(key, [*same, False], strict=True) if not one]),
            tuple(of[value] for value in sorted(of)),
        )
        for key, of in several.items()
    ]


@styled
def over_chart(records: Iterable[Part], over: Axis) -> Chart | None:
    """A line a series with its intervals, its ceiling and its floor; None without two values."""
    found = series_of(points_of(records), over)
    if not found:
        return None
    count = sum(len(one.points) for one in found)
    unit = per(found[0].points[0].query_tokens or 1)
    what = _shared(found)
    chart = Chart(f"{what}: ms a {unit} over {over}, {count_of(count, 'point')}", 4.2)
    axes = chart.axes
    for index, one in enumerate(found):
        _draw(chart, one, over, series(index))
    if over == "batch":
        axes.set_xscale("log", base=2)
        values = sorted({point.batch for one in found for point in one.points})
        axes.set_xticks(values, [f"{value:,}" for value in values])
    there = {rung for one in found for point in one.points for rung, _ in point.rungs.present()}
    for rung, line, marker in [one for one in _LINES[1:] if one[0] in there]:
        axes.plot(
            [], [], line, marker=marker, color=colour("muted"), label=f"{rung} of the same series"
        )
    axes.set_ylim(*_limits(found))
    chart.figure.legend(loc="outside upper left", ncols=4)
    axes.set_xlabel(f"{over}, tokens in the cache" if over == "context" else "batch, sequences")
    axes.set_ylabel(f"ms a {unit} (the axis does not begin at zero)")
    axes.set_title(f"{what}: measured over {over}, beside floor and ceiling")
    plain_numbers(axes.yaxis)
    if over == "context":
        plain_numbers(axes.xaxis)
    return chart


def _shared(found: Sequence[Series]) -> str:
    """What of model, format and device all points have in common."""
    points = [point for one in found for point in one.points]
    told = (
        {point.model for point in points},
        {point.format for point in points},
        {f"on {point.environment.device['name']}" for point in points},
    )
    said = ", ".join(each.pop() for each in told if len(each) == 1)
    return name_of(said or "several models", 70)


def _limits(found: Sequence[Series]) -> tuple[float, float]:
    """Around all medians; a whisker may go beyond, else one disturbed round flattens the rest."""
    rungs = [point.rungs.get(name) for one in found for point in one.points for name, *_ in _LINES]
    times = [rung.ms_per_token for rung in rungs if rung is not None]
    room = 0.15 * (max(times) - min(times)) or 0.15 * max(times)
    return max(0.0, min(times) - room), max(times) + room


def _draw(chart: Chart, one: Series, over: Axis, tint: str) -> None:
    axes = chart.axes
    for rung, line, marker in _LINES:
        there = [(point, found) for point in one.points if (found := point.rungs.get(rung))]
        where = [getattr(point, over) for point, _ in there]
        times = [found.ms_per_token for _, found in there]
        label = name_of(one.what) if rung == "step" else None
        axes.plot(where, times, line, color=tint, linewidth=1.6, label=label, zorder=2)
        if not marker:
            continue
        for (point, found), x in zip(there, where, strict=True):
            if found.ci_ms is not None:
                axes.plot([x, x], found.ci_ms, color=tint, linewidth=1.2, marker="_")
            (dot,) = axes.plot([x], [found.ms_per_token], marker, color=tint, zorder=3)
            floor = point.rungs.spec
            beside = "" if floor is None else f", floor {digits(floor.ms_per_token)} ms"
            chart.mark(
                dot,
                f"context {point.context:,}, batch {point.batch}: step "
                f"{digits(found.ms_per_token)} ms{beside}",
            )
