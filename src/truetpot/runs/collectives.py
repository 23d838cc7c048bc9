"""The run behind ``truetpot kernels --op all_reduce,all_gather``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from truetpot import __version__
from truetpot.errors import UserError
from truetpot.exits import ExitCode
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
from truetpot.records.words import KernelStatus
from truetpot.report.collectives import draw_collectives
from truetpot.report.ladder import describe_device
from truetpot.report.terminal import Terminal
from truetpot.runs.setting import Setting, doubts
from truetpot.runtime.distributed.group import current
from truetpot.runtime.interrupts import uninterrupted
from truetpot.stats import StopRule

KIB = 1 << 10
SIZES = (0, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, *(n * KIB * KIB for n in (1, 4, 16, 64)))
SMALL_SIZES = (0, 64 * KIB, KIB * KIB)
COLLECTIVES: dict[str, Operator] = {
    op.name: op for op in (ALL_REDUCE, ALL_GATHER, ALL_REDUCE_RMS_NORM)
}


@dataclass(frozen=True)
class Sweep:
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
        tp, dtype = current().size, self.setting.dtype
        sizes = SMALL_SIZES if self.small else SIZES
        each = ITEMSIZE[dtype]
        if ALL_REDUCE.name in self.ops:
            shapes = {*((1, size // each) for size in sizes), (self.batch, self.model.hidden)}
            for m, n in sorted(shapes, key=lambda shape: shape[0] * shape[1]):
                kept, used_up = (AllReduceCase(dtype, m, n, tp, place) for place in (False, True))
                yield ALL_REDUCE, [kept, used_up]
        if ALL_GATHER.name in self.ops:
            for m, n in [(self.batch, 2), *((1, size // 4 // tp) for size in sizes if size)]:
                yield ALL_GATHER, [AllGatherCase("fp32", m, n, tp)]
        if ALL_REDUCE_RMS_NORM.name in self.ops:
            for m in sorted({1, 8, 64, self.batch}):
                reduce = AllReduceCase(dtype, m, self.model.hidden, tp, in_place=True)
                norm = RmsNormCase(dtype, m, self.model.hidden, residual=True)
                yield ALL_REDUCE_RMS_NORM, [ALL_REDUCE_RMS_NORM.case(reduce, norm)]


def sweep(asked: Sweep, json: str | None, terminal: Terminal) -> int:
    """The exit code. Raises UserError where nothing could be measured."""
    setting, group = asked.setting, current()
    opening = record.opening(setting.device)
    terminal.say(describe_device(setting.device.name, opening.environment))
    terminal.say(f"{group.size} ranks over {group.backend or 'nothing: one rank alone'}")
    warnings = doubts(setting.device)
    for warning in warnings:
        terminal.say(warning, "yellow")
    results: list[CollectiveResult] = []
    cause: BaseException | None = None
    # a p99 of fewer samples would be the largest of them
    rule = StopRule(seconds=asked.seconds, min_samples=20 if asked.small else 100, warmup_s=0.2)

    def written(partial: bool) -> CollectivesRecord:
        return CollectivesRecord(
            started=opening.started,
            command=opening.command,
            environment=opening.environment,
            partial=partial,
            model=asked.model.name,
            tp=group.size,
            backend=group.backend,
            results=[result.record(asked.samples) for result in results],
            warnings=warnings,
            state_after=setting.device.state(),
        )

    keep = Keeper(json if group.rank == 0 else None, lambda: written(True) if results else None)
    group.on_loss(keep.lost)
    with keep:
        try:
            for op, cases in asked.cases():
                with terminal.bar(f"{op.name} {cases[0].label()}") as advance:
                    new, finished = measure_collectives(
                        op, cases, setting.providers, setting.device, rule,
                        lambda used, advance=advance: advance(used, 1.0),  # type: ignore[misc]
                    )  # fmt: skip
                results += new
                if not finished:
                    raise KeyboardInterrupt
                keep.case_done()
        except KeyboardInterrupt as stopped:
            cause = stopped
        except Exception as error:
            if not results:
                raise
            cause = error
        with uninterrupted():
            able = {(r.op, r.provider) for r in results if r.status is not KernelStatus.SKIPPED}
            terminal.show("", draw_collectives([r for r in results if (r.op, r.provider) in able]))
            lost = {(r.op, r.provider): r.reason for r in results if (r.op, r.provider) not in able}
            for (op_name, provider), reason in lost.items():
                terminal.show(f"{provider} {op_name} not measured: {reason}")
            done = written(partial=cause is not None)
            keep.finish(done)
            terminal.draw(done)
    if isinstance(cause, Exception):
        raise cause
    if cause is not None:
        return ExitCode.INTERRUPTED
    if all(result.status is KernelStatus.SKIPPED for result in results):
        raise UserError(f"Nothing could be measured: {results[0].reason}.")
    ends = (KernelStatus.WRONG, KernelStatus.INVALID)
    wrong = any(result.status in ends for result in results)
    return ExitCode.INVALID if wrong else ExitCode.OK
