"""The run behind ``truetpot kernels --op all_reduce,all_gather``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

from truetpot import __version__
from truetpot.errors import UserError
from truetpot.facts.models import Model
from truetpot.measure import record
from truetpot.measure.collectives import CollectiveResult, measure_collectives
from truetpot.measure.keeper import Keeper
from truetpot.ops import (
    ALL_GATHER,
    ALL_REDUCE,
    ALL_REDUCE_RMS_NORM,
    AllGatherCase,
    AllReduceCase,
    Case,
    Operator,
    RmsNormCase,
)
from truetpot.ops.arrays import ITEMSIZE
from truetpot.records.collectives import CollectivesRecord
from truetpot.records.opening import Opening
from truetpot.records.words import KernelStatus
from truetpot.runs.ended import Ended, finished
from truetpot.runs.setting import Setting, doubts
from truetpot.runs.watch import NOBODY, Watch
from truetpot.stats import StopRule

KIB = 1 << 10
SIZES = (0, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, *(n * KIB * KIB for n in (1, 4, 16, 64)))
SMALL_SIZES = (0, 64 * KIB, KIB * KIB)
COLLECTIVES: dict[str, Operator] = {
    op.name: op for op in (ALL_REDUCE, ALL_GATHER, ALL_REDUCE_RMS_NORM)
}


@dataclass(frozen=True)
class Request:
    """Which collectives of whose decode step, and for how long each size."""

    ops: tuple[str, ...]
    model: Model
    batch: int
    setting: Setting
    small: bool
    seconds: float
    samples: bool

    def about(self) -> dict[str, str]:
        """What has to be the same on all ranks."""
        return {
            "truetpot": __version__,
            "torch": version("torch"),
            "model": self.model.name,
            "operators": f"{', '.join(self.ops)} ({self.setting.dtype}, batch {self.batch})",
            "sizes": "small" if self.small else "all",
            "providers": ", ".join(self.setting.providers),
        }

    def cases(self) -> Iterator[tuple[Operator, list[Case]]]:
        """One race each: a size, with x used up and kept."""
        tp, dtype = self.setting.device.group.size, self.setting.dtype
        sizes = SMALL_SIZES if self.small else SIZES
        each = ITEMSIZE[dtype]
        if ALL_REDUCE.name in self.ops:
            shapes = {*((1, size // each) for size in sizes), (self.batch, self.model.hidden)}
            for m, n in sorted(shapes, key=lambda shape: shape[0] * shape[1]):
                kept, used_up = (AllReduceCase(dtype, m, n, tp, used) for used in (False, True))
                yield ALL_REDUCE, [kept, used_up]
        if ALL_GATHER.name in self.ops:
            for m, n in [(self.batch, 2), *((1, size // 4 // tp) for size in sizes if size)]:
                yield ALL_GATHER, [AllGatherCase("fp32", m, n, tp)]
        if ALL_REDUCE_RMS_NORM.name in self.ops:
            for m in sorted({1, 8, 64, self.batch}):
                reduce = AllReduceCase(dtype, m, self.model.hidden, tp, in_place=True)
                norm = RmsNormCase(dtype, m, self.model.hidden, residual=True)
                yield ALL_REDUCE_RMS_NORM, [ALL_REDUCE_RMS_NORM.case(reduce, norm)]


@dataclass
class Timed:
    """What is known so far of all sizes."""

    request: Request
    opening: Opening
    warnings: list[str]
    results: list[CollectiveResult] = field(default_factory=list)

    def record(self, partial: bool) -> CollectivesRecord:
        """The record of what is known so far."""
        request, group = self.request, self.request.setting.device.group
        return CollectivesRecord(
            started=self.opening.started,
            command=self.opening.command,
            environment=self.opening.environment,
            partial=partial,
            model=request.model.name,
            tp=group.size,
            backend=group.backend,
            results=[result.record(request.samples) for result in self.results],
            warnings=self.warnings,
            state_after=request.setting.device.state(),
        )

    def so_far(self) -> CollectivesRecord | None:
        """The record of a run that goes on; None before anything was measured."""
        return self.record(partial=True) if self.results else None

    @property
    def valid(self) -> bool:
        """Whether no sum is wrong, and no time impossible."""
        ends = (KernelStatus.WRONG, KernelStatus.INVALID)
        return not any(result.status in ends for result in self.results)

    def nothing(self) -> UserError | None:
        """To be raised where no provider could be measured."""
        if any(result.status is not KernelStatus.SKIPPED for result in self.results):
            return None
        return UserError(f"Nothing could be measured: {self.results[0].reason}.")


def run(
    request: Request, json: str | None = None, watch: Watch = NOBODY
) -> Ended[CollectivesRecord]:
    """Each rank's part of all sizes; rank 0 keeps the record in the file ``json`` as the run goes.

    Where nothing could be measured, a UserError is the ``cause``.
    """
    setting, group = request.setting, request.setting.device.group
    opening = record.opening(setting.device)
    timed = Timed(request, opening, doubts(setting.device))
    watch.begins(setting.device.name, opening.environment, timed.warnings)
    keep = Keeper(json if group.rank == 0 else None, timed.so_far)
    group.on_loss(keep.lost)
    with keep:
        interrupted = False
        cause: Exception | None = None
        try:
            _each(timed, watch, keep)
        except KeyboardInterrupt:
            interrupted = True
        except Exception as error:
            if not timed.results:
                raise
            cause = error
        whole = not interrupted and cause is None
        done = timed.record(partial=not whole)
        if whole:
            cause = timed.nothing()
        return finished(keep, done, valid=timed.valid, interrupted=interrupted, cause=cause)


def _each(timed: Timed, watch: Watch, keep: Keeper) -> None:
    """Every race, its results into the record."""
    request = timed.request
    least = 20 if request.small else 100  # a p99 of fewer samples would be the largest of them
    rule = StopRule(seconds=request.seconds, min_samples=least, warmup_s=0.2)
    for op, cases in request.cases():
        with watch.bar(f"{op.name} {cases[0].label()}") as advance:
            new, done = measure_collectives(
                op, cases, request.setting.providers, request.setting.device, rule,
                lambda used, advance=advance: advance(used, 1.0),  # type: ignore[misc]
            )  # fmt: skip
        timed.results += new
        if not done:
            raise KeyboardInterrupt
        keep.case_done()
