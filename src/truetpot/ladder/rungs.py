"""The rungs of what was timed, all in one basis: the step's median round.

A shared machine drifts by tens of percent within a race. The medians of the step, of its kernels
and of the ceiling may then come from different moments, and their quotients contradict the ratios
that were taken round by round. So the step has its median, and every other rung is that median
times the median of its own ratio to the step, round by round: what is printed can be divided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truetpot.facts.floor import Floor
from truetpot.facts.roofline import Limit, roofline
from truetpot.ladder.roof import Roof, Swept, Work
from truetpot.ladder.timings import StepTimings
from truetpot.records.rungs import Rung
from truetpot.stats import paired, stats


@dataclass(frozen=True)
class Extent:
    """Layers that were measured, and that the model has."""

    layers: int
    total: int

    @property
    def partial(self) -> bool:
        """Whether some of the layers stand for all."""
        return self.layers < self.total

    @property
    def layered(self) -> float:
        """What belongs to the layers is multiplied by this."""
        return self.total / self.layers

    @property
    def note(self) -> str:
        """The sentence for a reader; empty where all layers were measured."""
        if not self.partial:
            return ""
        return f"measured {self.layers} of {self.total} layers, extrapolated"


def spec_rung(spec: Floor) -> Rung:
    """Bytes of one rank over the datasheet's bandwidth, or operations over its rate if longer."""
    rate = f"{spec.hardware.bandwidth_gb_s:g} GB/s of {spec.hardware.title}"
    source = f"{spec.traffic.bound / 1e9:.3f} GB / {rate}"
    if spec.bound_by is Limit.OPERATIONS:
        tops = spec.hardware.tops(spec.dtype)
        rate = f"{tops:.4g} TFLOPS ({spec.dtype}) of {spec.hardware.title}"
        source = f"{spec.traffic.operations / 1e12:.3f}e12 operations / {rate}"
    return Rung(ms_per_token=spec.ms_per_token, source=source, bound_by=spec.bound_by)


def swept_rung(work: Work, swept: Swept) -> Rung:
    """The rung of a ceiling beside which nothing was timed."""
    operation_s = None if swept.rate is None else work.operations / swept.rate
    seconds, limit = roofline(work.bytes / swept.bandwidth, operation_s)
    return _ceiling_rung(seconds * 1e3, work, limit, swept.name_of(limit))


def ceiling_rung(timings: StepTimings, extent: Extent, work: Work, roof: Roof) -> Rung:
    """The bytes or the operations at the ceilings in the step's rounds, whichever takes longer."""
    seconds, limit = roof.seconds(work.bytes, work.operations)
    ms, interval = _at_step(timings, extent, seconds)
    own = stats(seconds).median_s * 1e3
    return _ceiling_rung(ms, work, limit, roof.name_of(limit), interval, own)


def kernels_rung(timings: StepTimings, extent: Extent) -> Rung:
    """The sum over the step of each kernel's own time; collectives are not in it."""
    seconds = timings.kernel_sums(extent.layered)
    ms, interval = _at_step(timings, extent, seconds)
    counted = sum(not kernel.collective for kernel in timings.kernels)
    source = f"sum of {counted} kernels, each over all layers, cold"
    return Rung(
        ms_per_token=ms,
        ci_ms=interval,
        extrapolated=extent.partial,
        source="; ".join(filter(None, (source, extent.note))),
        own_median_ms=stats(seconds).median_s * 1e3,
    )


def step_rung(timings: StepTimings, extent: Extent) -> Rung:
    """The whole step: the one rung whose median is its own."""
    found = stats(_step_s(timings, extent))
    source = f"{len(timings.step.device_s)} steps, {timings.step.stop or 'running'}"
    if timings.eager is not None:
        source += ", captured in a graph"
    if extent.partial:
        source += f"; {extent.note}, in proportion to the kernels"
    return Rung(
        ms_per_token=found.median_s * 1e3,
        ci_ms=(found.low_s * 1e3, found.high_s * 1e3),
        extrapolated=extent.partial,
        source=source,
        own_median_ms=found.median_s * 1e3,
    )


def eager_rung(timings: StepTimings, extent: Extent) -> Rung | None:
    """The step with every kernel submitted by the host; None where that is the step itself."""
    if timings.eager is None:
        return None
    seconds = timings.round_by_round(timings.eager) * _stretch(timings, extent)
    ms, interval = _at_step(timings, extent, seconds)
    return Rung(
        ms_per_token=ms,
        ci_ms=interval,
        extrapolated=extent.partial,
        source="every kernel submitted by the host",
        own_median_ms=stats(seconds).median_s * 1e3,
    )


def at_step_s(timings: StepTimings, seconds: Sequence[float] | np.ndarray) -> float:
    """Seconds of a call, by round, as they are at the median of the step that was measured."""
    step = timings.round_by_round(timings.step)
    return stats(step).median_s * paired(seconds, step).median


def _at_step(
    timings: StepTimings, extent: Extent, seconds: np.ndarray
) -> tuple[float, tuple[float, float]]:
    """ms and 95 % interval of seconds by round, as they are at the step's median."""
    step = _step_s(timings, extent)
    ratio = paired(seconds, step).times(stats(step).median_s * 1e3)
    return ratio.median, (ratio.low, ratio.high)


def _step_s(timings: StepTimings, extent: Extent) -> np.ndarray:
    """Seconds of the step of all layers, round by round."""
    return timings.round_by_round(timings.step) * _stretch(timings, extent)


def _stretch(timings: StepTimings, extent: Extent) -> np.ndarray | float:
    return timings.stretch(extent.layered) if extent.partial else 1.0


def _ceiling_rung(
    ms: float,
    work: Work,
    limit: Limit,
    by: str,
    interval: tuple[float, float] | None = None,
    own: float | None = None,
) -> Rung:
    source = f"{work.bytes / 1e9:.3f} GB / {work.bytes / ms / 1e6:.1f} GB/s measured ({by})"
    if limit is Limit.OPERATIONS:
        rate = f"{work.operations / ms / 1e9:.4g} TFLOPS measured ({by})"
        source = f"{work.operations / 1e12:.3f}e12 operations / {rate}"
    return Rung(ms_per_token=ms, ci_ms=interval, source=source, own_median_ms=own, bound_by=limit)
