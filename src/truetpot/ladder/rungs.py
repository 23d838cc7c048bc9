"""The ladder: one quantity, ms per token, at several heights, and the loss between neighbours.

``spec`` is the bytes that must be read over the datasheet's bandwidth, ``ceiling`` the same bytes
over the best read bandwidth found on this device, ``kernels`` the sum of the step's kernels' own
times, ``step`` the whole step, ``eager`` the same where the host submits every kernel although the
device can replay a captured graph. ``serving`` joins from a result file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from truetpot.decode.program import StepShape
from truetpot.facts.floor import floor
from truetpot.facts.hardware import Hardware
from truetpot.facts.models import Model
from truetpot.facts.traffic import Traffic, traffic
from truetpot.ladder.communication import Communication, communication
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.step import KernelTiming, StepTimings
from truetpot.ops.registry import Config
from truetpot.stats import Stats, stats

if TYPE_CHECKING:
    from truetpot.ladder.ranks import RankRow

RUNGS = ("spec", "ceiling", "kernels", "step", "eager", "serving")
LOSSES = {
    "ceiling/spec": "hardware: what the card does not reach of its datasheet",
    "kernels/ceiling": "kernels: bytes not read at full speed",
    "step/kernels": "launch and host: gaps between kernels (below 1: overlap of ramps and tails)",
    "eager/step": "launches: what the host loses by submitting every kernel itself",
    "serving/step": "scheduler, batching or metric",
}


@dataclass(frozen=True)
class Rung:
    """One height. ``source`` says in words where the number comes from."""

    name: str
    ms_per_token: float
    source: str
    ci_ms: tuple[float, float] | None = None
    extrapolated: bool = False

    def to_json(self) -> dict[str, Any]:
        """ms."""
        return {
            "ms_per_token": self.ms_per_token,
            "ci_ms": list(self.ci_ms) if self.ci_ms else None,
            "extrapolated": self.extrapolated,
            "source": self.source,
        }


@dataclass(frozen=True)
class OperatorRow:
    """One kernel's part in the step; times in seconds of one call."""

    role: str
    op: str
    provider: str
    count: int
    time: Stats
    share: float
    """Of the sum of all rows' medians: the shares add up to 1."""
    share_of_ceiling: float | None
    bytes: int
    case: str
    config: Config = field(default_factory=dict)
    """Launch parameters."""

    def to_json(self) -> dict[str, Any]:
        """Seconds."""
        return {
            "op": self.op,
            "role": self.role,
            "provider": self.provider,
            "count": self.count,
            "median_s": self.time.median_s,
            "ci_s": [self.time.low_s, self.time.high_s],
            "cv": self.time.cv,
            "share": self.share,
            "share_of_ceiling": self.share_of_ceiling,
            "bytes": self.bytes,
            "case": self.case,
            "config": self.config,
        }


@dataclass(frozen=True)
class Ladder:
    """Rungs by name, losses between neighbours, the table, and what a reader must be told."""

    rungs: dict[str, Rung]
    losses: dict[str, float]
    share_of_ceiling: float | None
    operators: tuple[OperatorRow, ...]
    valid: bool
    warnings: tuple[str, ...]
    ranks: tuple[RankRow, ...] = ()
    """Times of each, where there are several."""
    communication: Communication | None = None

    def to_json(self) -> dict[str, Any]:
        """Missing rungs are null."""
        rungs = {
            name: self.rungs[name].to_json() if name in self.rungs else None for name in RUNGS[:-1]
        }
        return {
            "rungs": rungs,
            "losses": self.losses,
            "share_of_ceiling": self.share_of_ceiling,
            "operators": [row.to_json() for row in self.operators],
            "valid": self.valid,
            "warnings": list(self.warnings),
            "ranks": [asdict(row) for row in self.ranks],
            "communication": self.communication.to_json() if self.communication else None,
        }


def step_traffic(model: Model, shape: StepShape, layers: int | None = None) -> Traffic:
    """The bytes that the rungs ``spec`` and ``ceiling`` divide, for one rank."""
    return traffic(
        model,
        tp=shape.tp,
        format=shape.weight_format,
        kv_format=shape.kv_format,
        context=shape.context,
        batch=shape.batch,
        layers=layers,
    )


def build_ladder(
    model: Model,
    shape: StepShape,
    layers: int,
    hardware: Hardware | None,
    ceiling: Ceiling | None = None,
    timings: StepTimings | None = None,
) -> Ladder:
    """Every rung that can be had from what was measured; ``layers`` is how many were."""
    rungs: dict[str, Rung] = {}
    warnings: list[str] = []
    whole = step_traffic(model, shape)
    if hardware is not None:
        spec = floor(
            model,
            hardware,
            tp=shape.tp,
            format=shape.weight_format,
            kv_format=shape.kv_format,
            context=shape.context,
            batch=shape.batch,
        )
        rate = f"{hardware.bandwidth_gb_s:g} GB/s of {hardware.title}"
        source = f"{whole.bound / 1e9:.3f} GB / {rate}"
        rungs["spec"] = Rung("spec", spec.ms_per_token, source)
    if timings is None or timings.rounds == 0:
        if ceiling is not None:
            rungs["ceiling"] = _ceiling_rung(whole, ceiling.bandwidth, ceiling, 1.0)
        return Ladder(rungs, losses(rungs), None, (), True, tuple(warnings))
    assert ceiling is not None
    return _measured(model, layers, whole, rungs, warnings, ceiling, timings)


def _measured(
    model: Model,
    layers: int,
    whole: Traffic,
    rungs: dict[str, Rung],
    warnings: list[str],
    ceiling: Ceiling,
    timings: StepTimings,
) -> Ladder:
    scale = model.layers / layers
    partial = layers < model.layers
    raised, by = _beyond(timings)
    if by:
        warnings.append(
            f"{by} read {raised:.3f} times as fast as the best read kernel of the sweep: the "
            "ceiling is raised to it"
        )
    share = timings.step.share_of(timings.ceiling) / raised
    rungs["ceiling"] = _ceiling_rung(whole, timings.ceiling.bandwidth * raised, ceiling, raised)

    sums = timings.kernels_stats(scale)
    counted = [kernel for kernel in timings.kernels if not kernel.use.op.collective]
    how = f"sum of {len(counted)} kernels, each over all layers, cold"
    step, stretch = timings.step.stats, 1.0
    if partial:
        note = f"measured {layers} of {model.layers} layers, extrapolated"
        warnings.append(note)
        how = f"{how}; {note}"
        some = timings.kernel_sums() + timings.collective_sums()
        every = timings.kernel_sums(scale) + timings.collective_sums(scale)
        stretch = stats(every).median_s / stats(some).median_s
    rungs["kernels"] = _timed("kernels", sums, 1.0, how, partial)
    source = f"{step.count} steps, {timings.step.stop or 'running'}"
    if timings.eager is not None:
        source += ", captured in a graph"
    if partial:
        source += f"; {note}, in proportion to the kernels"
    rungs["step"] = _timed("step", step, stretch, source, partial)
    if timings.eager is not None:
        how = "every kernel submitted by the host"
        rungs["eager"] = _timed("eager", timings.eager.stats, stretch, how, partial)

    wrong = [
        f"{e.name}: {why}"
        for e in timings.entrants
        if (why := e.impossible())
    ]
    warnings += [f"INVALID RUN: {why}" for why in wrong]
    spec = rungs.get("spec")
    if spec is not None and not partial and step.min_s * 1e3 < spec.ms_per_token:
        wrong.append("step")
        warnings.append(
            f"INVALID RUN: a step took {step.min_s * 1e3:.3f} ms and no less than "
            f"{spec.ms_per_token:.3f} ms is possible"
        )
    total = sum(k.use.count * k.entrant.stats.median_s for k in timings.kernels)
    rows = tuple(_row(k, timings, raised, total) for k in timings.kernels)
    ordered = sorted(rows, key=lambda row: -row.share)
    ratios = losses(rungs)
    closure = float(stats(_paired(timings)).median_s)
    ratios["step/kernels"] = closure  # round by round: free of the machine's drift
    talk = communication(
        timings, scale, rungs["step"].ms_per_token, rungs["kernels"].ms_per_token
    )
    return Ladder(
        rungs, ratios, share, tuple(ordered), not wrong, tuple(warnings), communication=talk
    )


def _paired(timings: StepTimings) -> list[float]:
    sums = timings.kernel_sums()
    return [float(s / k) for s, k in zip(timings.step.device_s, sums, strict=False)]


def _beyond(timings: StepTimings) -> tuple[float, str]:
    """How far the fastest kernel that reads from memory is beyond the ceiling, and its role.

    Beyond means that the whole interval of its share lies above 1, not only the median. A sample
    a tenth as long as the ceiling's is no match for it where bandwidth comes in bursts.
    """
    enough = timings.ceiling.bytes * timings.ceiling.per_sample / 10
    shares = [
        (share.median_s, kernel.use.role)
        for kernel in timings.kernels
        if kernel.rotated
        and kernel.entrant.bytes * kernel.entrant.per_sample >= enough
        and (share := stats(kernel.entrant.shares(timings.ceiling))).low_s > 1.0
    ]
    return max(shares, default=(1.0, ""))


def _ceiling_rung(whole: Traffic, bandwidth: float, ceiling: Ceiling, raised: float) -> Rung:
    by = f"{ceiling.provider} memory_read" if raised == 1.0 else "raised by a kernel"
    source = f"{whole.bound / 1e9:.3f} GB / {bandwidth / 1e9:.1f} GB/s measured ({by})"
    return Rung("ceiling", whole.bound / bandwidth * 1e3, source)


def _timed(name: str, time: Stats, stretch: float, source: str, extrapolated: bool) -> Rung:
    ms = 1e3 * stretch
    interval = (time.low_s * ms, time.high_s * ms)
    return Rung(name, time.median_s * ms, source, interval, extrapolated)


def _row(
    kernel: KernelTiming, timings: StepTimings, raised: float, total: float
) -> OperatorRow:
    use, entrant = kernel.use, kernel.entrant
    return OperatorRow(
        role=use.role,
        op=use.op.name,
        provider=use.provider,
        count=use.count,
        time=entrant.stats,
        share=use.count * entrant.stats.median_s / total,
        share_of_ceiling=entrant.share_of(timings.ceiling) / raised if kernel.rotated else None,
        bytes=entrant.bytes,
        case=use.case.label(),
        config=use.kernel.parameters,
    )


def losses(rungs: dict[str, Rung]) -> dict[str, float]:
    """Ratios of the rungs that are there."""
    found = {}
    for name in LOSSES:
        upper, lower = name.split("/")
        if upper in rungs and lower in rungs:
            found[name] = rungs[upper].ms_per_token / rungs[lower].ms_per_token
    return found
