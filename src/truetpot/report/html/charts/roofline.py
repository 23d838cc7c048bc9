"""The roofline: what each kernel reaches beside the read ceiling and the ceiling of operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from truetpot.records.ceiling import CeilingRow
from truetpot.records.decode import DecodeRecord
from truetpot.records.kernels import KernelsRecord
from truetpot.records.words import Cache
from truetpot.report.html.charts.canvas import Chart, log_scale, name_of, styled
from truetpot.report.html.palette import SERIES, colour, series
from truetpot.report.numbers import count_of, digits

TERA = 1e12
_MARKERS = "osD^vPX*"


@dataclass(frozen=True)
class Dot:
    """One kernel on one case: a call's bytes, operations and seconds."""

    what: str
    provider: str
    bytes: int
    operations: int
    seconds: float
    cold: bool
    """Whether its inputs come from memory, not from a cache."""

    @property
    def intensity(self) -> float:
        """Operations for each byte of compulsory traffic."""
        return self.operations / self.bytes

    @property
    def rate(self) -> float:
        """Operations a second that the kernel reached."""
        return self.operations / self.seconds


def dots_of(record: DecodeRecord | KernelsRecord) -> list[Dot]:
    """A dot a kernel that has a time, bytes and operations; the others have none."""
    if isinstance(record, DecodeRecord):
        dots = [
            Dot(row.role, row.provider, row.bytes, row.operations or 0,
                row.at_step_s or row.median_s, row.share_of_ceiling is not None)
            for row in record.operators
        ]  # fmt: skip
    else:
        dots = [
            Dot(f"{row.op}, {row.case}", row.provider, row.bytes, row.flops, row.median_s,
                row.cache is Cache.ROTATED)
            for row in record.results
            if row.median_s is not None and row.median_s > 0
        ]  # fmt: skip
    return [dot for dot in dots if dot.bytes and dot.operations]


@styled
def roofline_chart(record: DecodeRecord | KernelsRecord) -> Chart | None:
    """A dot a case and provider below both ceilings; None where nothing can be placed."""
    dots, ceiling = dots_of(record), record.ceiling
    if not dots or ceiling is None:
        return None
    card = record.environment.device["name"]
    what = name_of(f"{record.model or 'given shapes'}, on {card}", 70)
    count = count_of(len(dots), "kernel")
    chart = Chart(f"Roofline of {what}: {count} below {digits(ceiling.gb_s)} GB/s", 4.6)
    axes = chart.axes
    providers = list(dict.fromkeys(dot.provider for dot in dots))
    for dot in dots:
        index = providers.index(dot.provider)
        at = series(index)
        (drawn,) = axes.plot(
            [dot.intensity], [dot.rate / TERA], _MARKERS[index // SERIES % len(_MARKERS)],
            markersize=7.5, markerfacecolor=at if dot.cold else "none", markeredgecolor=at,
            markeredgewidth=1.3, zorder=3,
        )  # fmt: skip
        chart.mark(drawn, _told(dot))
    _ceilings(chart, ceiling, dots)
    for index, provider in enumerate(providers):
        marker = _MARKERS[index // SERIES % len(_MARKERS)]
        axes.plot([], [], marker, color=series(index), label=name_of(provider))
    if any(not dot.cold for dot in dots):
        axes.plot([], [], "o", color=colour("muted"), markerfacecolor="none",
                  label="may read from a cache")  # fmt: skip
    axes.legend(loc="best")
    axes.set_xlabel("operations a byte")
    axes.set_ylabel("1e12 operations a second")
    axes.set_title(f"Roofline of {what}: a dot a case and provider")
    return chart


def _ceilings(chart: Chart, ceiling: CeilingRow, dots: Sequence[Dot]) -> None:
    """Both lines, as far as the dots and the ridge between them reach."""
    axes = chart.axes
    slope = ceiling.gb_s * 1e9 / TERA
    low, high = (pick(dot.intensity for dot in dots) for pick in (min, max))
    top = None if ceiling.gemm is None else ceiling.gemm.tflops
    ridge = high if top is None else top / slope
    left, right = low / 2, max(high, ridge) * 2.5
    knee = right if top is None else ridge
    axes.plot([left, knee], [left * slope, knee * slope], color=colour("text"), linewidth=1.4,
              zorder=2, label=f"{digits(ceiling.gb_s)} GB/s, the best read")  # fmt: skip
    if top is not None:
        axes.plot([knee, right], [top, top], color=colour("text"), linewidth=1.4, zorder=2,
                  linestyle="--", label=f"{digits(top)} TFLOP/s, the best GEMM")  # fmt: skip
    axes.set_xlim(left, right)
    least = min(min(dot.rate for dot in dots) / TERA, left * slope)
    axes.set_ylim(least / 2, max(knee * slope, *(dot.rate / TERA for dot in dots)) * 2.2)
    log_scale(axes, axes.xaxis)
    log_scale(axes, axes.yaxis)


def _told(dot: Dot) -> str:
    return (
        f"{dot.provider}, {dot.what}: {digits(dot.seconds * 1e6)} us, "
        f"{digits(dot.bytes / dot.seconds / 1e9)} GB/s, {digits(dot.rate / TERA)} TFLOP/s, "
        f"{digits(dot.intensity)} operations a byte" + ("" if dot.cold else ", maybe from a cache")
    )
