"""The run behind ``truetpot decode`` over several points: one set of weights, a ladder a point."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field, replace

from msgspec import UNSET, structs

from truetpot.decode.fit import Plan, needs
from truetpot.decode.packed import PackedWeights
from truetpot.decode.weights import WeightSource
from truetpot.errors import UserError
from truetpot.ladder.sweep import fits
from truetpot.measure import record
from truetpot.measure.ceiling import buffer_bytes
from truetpot.measure.keeper import Keeper
from truetpot.records.opening import Measured, Opening
from truetpot.records.sweep import SweepPoint, SweepRecord
from truetpot.records.words import PointStatus
from truetpot.runs.decode import DecodeWatch, Shared, measured
from truetpot.runs.decode_outcome import Outcome, Request
from truetpot.runs.ended import Ended, finished
from truetpot.runs.setting import doubts
from truetpot.runs.sweep_points import Points, fitting, resumed
from truetpot.runtime.interrupts import uninterrupted
from truetpot.runtime.memory import trim
from truetpot.text import gib


class SweepWatch(DecodeWatch):
    """Is told of the sweep, and of every point once it is done."""

    def begun(self, sweep: Sweep) -> None:
        """What is run, before anything is measured."""

    def point(self, point: SweepPoint) -> None:
        """A point as it stands in the record."""


def run(
    request: Request,
    asked: Points,
    json: str | None = None,
    resume: bool = False,
    watch: SweepWatch | None = None,
) -> Ended[SweepRecord]:
    """A ladder a point, on one set of weights, the record in the file ``json`` as the run goes.

    ``resume`` goes on with the points that the file lacks. Raises UserError for what cannot be run;
    where no point could be measured it is the ``cause``.
    """
    watch = watch or SweepWatch()
    device = request.setting.device
    points = asked.empty()
    setup = _setup(request)
    if resume and device.group.rank == 0:
        resumed(json, setup, points)
    points = device.group.gather(points)[0]
    base = _base(request, points)
    weights = request.source(base.shape)
    opening = record.opening(device)
    notes = [*doubts(device), *weights.notes]
    sweep = Sweep(
        request, asked, points, setup, base, opening, notes, Shared(PackedWeights(device))
    )
    watch.begun(sweep)
    keep = Keeper(None if device.group.rank > 0 else json, sweep.so_far)
    device.group.on_loss(keep.lost)
    with keep:
        cause = _each(sweep, weights, keep, watch)
        if cause is None and not sweep.interrupted and not fitting(points):
            cause = UserError(f"No point could be measured: {points[0].reason.rstrip('.')}.")
        found = sweep.record()
        return finished(
            keep, found, valid=found.valid, interrupted=sweep.interrupted, cause=cause
        )


@dataclass
class Sweep:
    """What is known so far of all points."""

    request: Request
    asked: Points
    points: list[SweepPoint]
    setup: dict[str, str]
    base: Plan
    """Of the smallest point: every point has its layers and its share."""
    opening: Opening
    notes: list[str]
    shared: Shared
    running: tuple[int, Outcome] | None = None
    """Which point is being measured, and what is known of it."""
    interrupted: bool = False
    build_s: float = 0.0
    warnings: list[str] = field(default_factory=list)

    def plan(self, point: SweepPoint) -> Plan:
        """The point's step, of the smallest one's layers and share, whether it fits or not."""
        base = self.base
        shape = replace(base.shape, context=point.context, batch=point.batch)
        return replace(base, shape=shape, needs=needs(self.request.model, shape, base.layers))

    def so_far(self) -> SweepRecord | None:
        """The record of a run that goes on; None before anything was measured."""
        now = self.record()
        return now if any(_timed(point) for point in now.points) else None

    def record(self) -> SweepRecord:
        """All points as they stand."""
        points = list(self.points)
        if self.running is not None:
            i, outcome = self.running
            points[i] = _point(points[i], outcome, PointStatus.PARTIAL)
        shape, opening = self.base.shape, self.opening
        return SweepRecord(
            started=opening.started,
            command=opening.command,
            environment=opening.environment,
            partial=any(p.status in (PointStatus.NOT_RUN, PointStatus.PARTIAL) for p in points),
            model=self.request.model.name,
            format=shape.format,
            kv_format=shape.kv_format,
            dtype=shape.dtype,
            tp=shape.tp,
            device=self.request.setting.device.name,
            setup=self.setup,
            request=self.asked.request,
            points=points,
            query_tokens=UNSET if shape.query_tokens == 1 else shape.query_tokens,
            fits=fits(points, self.asked.request, shape.query_tokens),
            weights_made=self.shared.packed.made,
            weights_shared=self.shared.packed.shared,
            build_s=self.build_s,
            valid=not any(point.status is PointStatus.INVALID for point in points),
            warnings=[*dict.fromkeys(w for p in points if p.record for w in p.record.warnings)],
        )


def _each(
    sweep: Sweep, weights: WeightSource, keep: Keeper, watch: SweepWatch
) -> Exception | None:
    """Measure every point that is not done. What nobody expects ends the sweep and is returned."""
    for i, point in enumerate(sweep.points):
        if point.status is not PointStatus.OK:
            cause = _one(sweep, i, weights, keep, watch)
            gc.collect()  # kernels and calls refer to each other; the next cache needs the room
            trim()
            if cause is not None or sweep.interrupted:
                return cause
            keep.case_done()
        watch.point(sweep.points[i])
    return None


def _one(
    sweep: Sweep, i: int, weights: WeightSource, keep: Keeper, watch: SweepWatch
) -> Exception | None:
    """One point, into its place; whatever it made beside the weights is let go."""
    point, plan = sweep.points[i], sweep.plan(sweep.points[i])
    free, needed = plan.free_bytes, plan.needs.total
    if free is not None and needed > free:
        reason = f"{gib(needed)} needed of {gib(free)} free, {gib(plan.needs.kv)} of it the cache"
        sweep.points[i] = _why(point, PointStatus.DOES_NOT_FIT, reason)
        return None
    watch.status(f"{i + 1}/{len(sweep.points)}: batch {point.batch}, context {point.context:,}")
    request = replace(sweep.request, shape=plan.shape)
    outcome = Outcome(request, plan, sweep.opening, list(sweep.notes))
    sweep.running = i, outcome
    try:
        cause = measured(outcome, weights, watch, _OfPoint(keep, sweep), sweep.shared)
    except UserError as error:
        # the other ranks wait for this one; and without a ceiling no point is of use
        if outcome.group.size > 1 or outcome.stage == "ceiling":
            raise
        # kernels are checked first: what is refused after that is memory
        refused = outcome.stage == "check"
        status = PointStatus.REFUSED if refused else PointStatus.DOES_NOT_FIT
        sweep.points[i], sweep.running = _why(point, status, str(error)), None
        return None
    with uninterrupted():
        done = PointStatus.OK if outcome.finished and not outcome.interrupted else None
        sweep.points[i] = _point(point, outcome, done or PointStatus.PARTIAL)
        sweep.running, sweep.interrupted = None, outcome.interrupted
        sweep.build_s += outcome.build_s or 0.0
        if sweep.interrupted:
            watch.point(sweep.points[i])
        outcome.release()
    return cause


class _OfPoint:
    """What a point tells of itself on the way is told of the whole sweep."""

    def __init__(self, keep: Keeper, sweep: Sweep) -> None:
        self._keep, self._sweep = keep, sweep

    def tick(self) -> None:
        """Keep the sweep's record if it is time to, between two samples of a point."""
        self._keep.tick()

    def hand_over(self, known: Measured | None = None) -> None:
        """Keep the record of the whole sweep, after a stage of one point."""
        self._keep.hand_over(self._sweep.record())


def _point(point: SweepPoint, outcome: Outcome, status: PointStatus) -> SweepPoint:
    """With the record as it stands."""
    ladder = outcome.ladder()
    if not ladder.valid:
        status = PointStatus.INVALID
    reason = next(iter(ladder.warnings), "") if status is PointStatus.INVALID else ""
    if status is PointStatus.PARTIAL:
        reason = f"interrupted during {outcome.stage}"
    known = outcome.record(ladder, partial=status is PointStatus.PARTIAL)
    return structs.replace(point, status=status, reason=reason, record=known)


def _why(point: SweepPoint, status: PointStatus, reason: str) -> SweepPoint:
    return structs.replace(point, status=status, reason=reason, record=None)


def _timed(point: SweepPoint) -> bool:
    return point.record is not None and point.record.rungs.step is not None


def _base(request: Request, points: list[SweepPoint]) -> Plan:
    """What is run of the model: as much as the smallest point would have alone."""
    shapes = [replace(request.shape, context=p.context, batch=p.batch) for p in points]
    smallest = min(shapes, key=lambda shape: needs(request.model, shape).total)
    return replace(request, shape=smallest).plan(buffer_bytes(request.setting.device))


def _setup(request: Request) -> dict[str, str]:
    """What two runs must have in common for their points to stand in one table."""
    same = replace(request, shape=replace(request.shape, context=0, batch=1))
    identity = request.setting.device.identity()
    whose = [str(identity[key]) for key in ("name", "uuid", "pci_address") if identity.get(key)]
    return same.about() | {"device": ", ".join(whose)}
