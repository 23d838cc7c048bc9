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
    """The bytes of one rank over the datasheet's bandwidth."""
    rate = f"{spec.hardware.bandwidth_gb_s:g} GB/s of {spec.hardware.title}"
    return Rung(
        ms_per_token=spec.ms_per_token, source=f"{spec.traffic.bound / 1e9:.3f} GB / {rate}"
    )


def swept_rung(bound: int, bandwidth: float, provider: str) -> Rung:
    """The ceiling where nothing was timed beside it: ``bound`` bytes, bytes a second."""
    return _ceiling_rung(bound / bandwidth * 1e3, bound, f"{provider} memory_read")


def ceiling_rung(timings: StepTimings, extent: Extent, bound: int, raised: float, by: str) -> Rung:
    """The same bytes at the bandwidth of the ceiling in the step's rounds, times ``raised``."""
    ceiling = timings.ceiling
    seconds = bound / ceiling.bytes / raised * timings.round_by_round(ceiling)
    ms, interval = _at_step(timings, extent, seconds)
    name = f"{by} memory_read" if raised == 1.0 else "raised by a kernel"
    own = stats(seconds).median_s * 1e3
    return _ceiling_rung(ms, bound, name, interval, own)


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


def raised(timings: StepTimings) -> tuple[float, str]:
    """How far the fastest kernel that reads from memory is beyond the ceiling, and its role.

    Beyond means that the whole interval of its share lies above 1, not only the median. A sample
    a tenth as long as the ceiling's is no match for it where bandwidth comes in bursts.
    """
    enough = timings.ceiling.bytes * timings.ceiling.per_sample / 10
    shares = [
        (share.median, kernel.role)
        for kernel in timings.kernels
        if kernel.rotated
        and kernel.samples.bytes * kernel.samples.per_sample >= enough
        and (share := kernel.samples.share_of(timings.ceiling)).low > 1.0
    ]
    return max(shares, default=(1.0, ""))


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
    bound: int,
    by: str,
    interval: tuple[float, float] | None = None,
    own: float | None = None,
) -> Rung:
    source = f"{bound / 1e9:.3f} GB / {bound / ms / 1e6:.1f} GB/s measured ({by})"
    return Rung(ms_per_token=ms, ci_ms=interval, source=source, own_median_ms=own)
