"""The run behind ``truetpot kernels``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from truetpot.decode.cases import StepCase, step_cases
from truetpot.errors import UserError
from truetpot.facts.models import Model
from truetpot.facts.workload import Workload
from truetpot.measure import record
from truetpot.measure.ceiling import SLICES, Ceiling, buffer_bytes, find_ceiling
from truetpot.measure.keeper import Keeper
from truetpot.measure.kernel_result import KernelResult, Row
from truetpot.measure.kernels import Contender, measure_kernels
from truetpot.ops import COMPOSITES, LINEAR, MEMORY_READ, OPERATORS, Composite, MemoryReadCase
from truetpot.ops.registry import REGISTRY
from truetpot.records.kernels import KernelsRecord
from truetpot.records.opening import Opening
from truetpot.records.words import KernelStatus
from truetpot.runs.before import Before
from truetpot.runs.cases import choose, on_grid, shaped
from truetpot.runs.contenders import contenders, one_provider
from truetpot.runs.ended import Ended, finished
from truetpot.runs.setting import Setting, doubts, sweep_rule
from truetpot.runs.watch import Watch
from truetpot.stats import StopRule
from truetpot.text import meant


@dataclass(frozen=True)
class Request:
    """What the user asked for; one shape a weight format."""

    model: Model
    shapes: list[Workload]
    setting: Setting
    ops: tuple[str, ...] | None
    roles: tuple[str, ...] | None
    linear: str | None
    seconds: float
    samples: bool
    hot: bool
    """Time on few copies, out of the cache: to see that things run, not how fast they are."""
    everyone: bool = False
    """All providers were asked for: of each operator those that have it, the fastest first."""
    configs: tuple[str, ...] = ()
    """Launch parameters that race each other, in the first provider's kernel."""
    chosen: bool = True
    """Whether the user named the providers."""

    def _wanted(self, composite: Composite) -> bool:
        """One that was asked for, or that any of the providers has."""
        if self.ops is not None:
            return composite.name in self.ops
        return REGISTRY.offers(composite.name, self.setting.providers)

    def of_no_step(self) -> bool:
        """Whether every operator asked for is of the user's own, and the model's step calls none.

        Then its cases are those of its own grid. Raises UserError as :meth:`cases` does.
        """
        cases = self.cases()
        return self.linear is None and all(
            one.count == 0 and one.op.name != MEMORY_READ.name for one in cases
        )

    def cases(self) -> list[StepCase]:
        """What is to be measured. Raises UserError where that is nothing, or not known."""
        composites = {one.name: one for one in (*COMPOSITES, *self.setting.preference.composites())}
        brought = {kernel.op.name: kernel.op for kernel in REGISTRY.imported()}
        # an operator of the user's own that no model's step calls: on its own grid
        own = {name: op for name, op in brought.items() if name not in OPERATORS | composites}
        names = dict.fromkeys([*OPERATORS, *composites, *own])
        for name in self.ops or ():
            if name not in names:
                near = meant(name, names)
                known = ", ".join(names)
                raise UserError(f"There is no operator {name!r}{near}; known are {known}.")
        found: dict[tuple[str, Any], StepCase] = {}
        for shape in self.shapes:
            if self.linear is not None:
                new = shaped(self.linear, shape, self.ops or (LINEAR.name,))
            else:
                cases = step_cases(self.model, shape, [*filter(self._wanted, composites.values())])
                new = choose(cases, self.ops, self.roles)
            found |= {(case.op.name, case.case): case for case in new}
        if self.ops is not None and MEMORY_READ.name in self.ops:
            size = buffer_bytes(self.setting.device) // SLICES
            case = MemoryReadCase("fp32", size)
            found[MEMORY_READ.name, case] = StepCase(MEMORY_READ, case, (), 0)
        called = {name for name, _ in found}
        for one in (op for name, op in own.items() if name in {*(self.ops or ())} - called):
            new = on_grid(one, {shape.dtype for shape in self.shapes})
            found |= {(one.name, case.case): case for case in new}
        if not found:
            asked = ", ".join([*(self.ops or ()), *(self.roles or ())])
            raise UserError(f"The step of {self.model.name} has no case of {asked}.")
        return list(found.values())


class KernelsWatch(Watch):
    """Is told of the ceiling, and of every case once it is done."""

    def found(self, ceiling: Ceiling) -> None:
        """What the kernels are held against."""

    def case(self, rows: Sequence[Row], first: bool) -> None:
        """The results of one case; ``first``: of the run."""


@dataclass
class Raced:
    """What is known so far of all cases."""

    request: Request
    opening: Opening
    warnings: list[str]
    rows: list[Row]
    """Of the cases that are done."""
    running: list[Row] = field(default_factory=list)
    """Of the one that is being measured."""
    ceiling: Ceiling | None = None

    def record(self, partial: bool) -> KernelsRecord:
        """The record of what is known so far."""
        request, ceiling = self.request, self.ceiling
        rows = (*self.rows, *self.running)
        return KernelsRecord(
            started=self.opening.started,
            command=self.opening.command,
            environment=self.opening.environment,
            partial=partial,
            model=request.model.name if request.linear is None else None,
            ceiling=None if ceiling is None else ceiling.record(),
            results=[one.record(roles, request.samples) for one, roles in rows],
            warnings=[*self.warnings, *(() if ceiling is None else ceiling.left_out)],
            state_after=request.setting.device.state(),
        )

    def so_far(self) -> KernelsRecord | None:
        """The record of a run that goes on; None before anything was measured."""
        known = any(one.known for one, _ in (*self.rows, *self.running))
        return self.record(partial=True) if known else None

    @property
    def valid(self) -> bool:
        """Whether no kernel is wrong, nor one of the ceiling."""
        ends = (KernelStatus.WRONG, KernelStatus.INVALID)
        wrong = any(result.status in ends for result, _ in self.rows)
        return not wrong and not (self.ceiling is not None and self.ceiling.left_out)

    def nothing(self) -> UserError | None:
        """To be raised where no case could be measured."""
        if any(result.status is not KernelStatus.SKIPPED for result, _ in self.rows):
            return None
        return UserError(f"Nothing could be measured: {self.rows[0][0].reason.rstrip('.')}.")


def run(
    request: Request, json: str | None = None, watch: KernelsWatch | None = None
) -> Ended[KernelsRecord]:
    """Every case, one after the other, the record in the file ``json`` as the run goes.

    Raises UserError for cases and configurations that there are not; where nothing could be
    measured it is the ``cause``.
    """
    watch = watch or KernelsWatch()
    cases, device = request.cases(), request.setting.device
    entries = _entries(request, cases)
    opening = record.opening(device)
    before = Before.take()
    raced = Raced(request, opening, doubts(device), before.rows)
    watch.begins(device.name, opening.environment, raced.warnings, before.ended)
    with Keeper(json, raced.so_far, resumes=True) as keep:
        interrupted = False
        try:
            raced.ceiling = _ceiling(request, watch)
            for i, case in enumerate(cases[before.cases :], before.cases):
                _case(raced, case, f"{i + 1}/{len(cases)}", entries, watch, keep)
                before.leave(i + 1, raced.rows)
                keep.case_done()
        except KeyboardInterrupt:
            interrupted = True
        cause = None if interrupted else raced.nothing()
        done = raced.record(partial=interrupted)
        return finished(keep, done, valid=raced.valid, interrupted=interrupted, cause=cause)


def _ceiling(request: Request, watch: KernelsWatch) -> Ceiling:
    watch.status("sweeping the read kernels and matrix products for the ceiling")
    setting = request.setting
    ceiling = find_ceiling(setting.device, sweep_rule(request.seconds), dtype=setting.dtype)
    watch.found(ceiling)
    return ceiling


def _case(
    raced: Raced,
    case: StepCase,
    counter: str,
    entries: tuple[Contender, ...],
    watch: KernelsWatch,
    keep: Keeper,
) -> None:
    """One case into the record. An interrupt is raised once what was measured is there."""

    def on_start(started: list[KernelResult]) -> None:
        raced.running[:] = [(result, case.roles) for result in started]

    assert raced.ceiling is not None
    results, done = _measure(
        raced.request, entries, case, raced.ceiling, watch, counter, on_start, keep
    )
    new = [(result, case.roles) for result in results]
    first = not raced.rows
    raced.running.clear()
    raced.rows += new
    watch.case(new, first)
    if not done:
        raise KeyboardInterrupt


def _entries(request: Request, cases: list[StepCase]) -> tuple[Contender, ...]:
    """Who races: the providers, or configurations of one. Raises UserError for an illegal one."""
    setting = request.setting
    if not request.configs:
        return tuple(map(Contender, setting.providers))
    device = setting.device
    provider = one_provider(setting.providers, cases, device, request.chosen)
    return contenders(request.configs, provider, cases, device)


def _measure(
    request: Request,
    entries: tuple[Contender, ...],
    case: StepCase,
    ceiling: Ceiling,
    watch: KernelsWatch,
    counter: str,
    on_start: Callable[[list[KernelResult]], None],
    keep: Keeper,
) -> tuple[list[KernelResult], bool]:
    """All providers on one case; what has no room is skipped with its reason."""
    setting = request.setting
    if request.everyone:
        offering = REGISTRY.offering(case.op.name)
        entries = tuple(one for one in entries if one.provider in offering)
    rule = StopRule(seconds=request.seconds, warmup_s=min(0.5, request.seconds / 4))
    with watch.bar(f"{counter} {case.op.name} {case.case.label()}") as advance:

        def on_round(used: float) -> None:
            advance(used, 1.0)
            keep.tick()

        try:
            results, done = measure_kernels(
                case.op,
                case.case,
                entries,
                setting.device,
                ceiling,
                rule,
                setting.hardware,
                on_round,
                rotate=not request.hot,
                on_start=on_start,
            )
            return sorted(results, key=_fastest_first) if request.everyone else results, done
        except UserError as error:
            name, skipped = setting.device.name, KernelStatus.SKIPPED
            return [
                KernelResult(
                    case.op.name, case.case, one.provider, name, skipped, str(error),
                    asked=one.config,
                )
                for one in entries
            ], True  # fmt: skip


def _fastest_first(result: KernelResult) -> tuple[bool, float, str]:
    """Who ran by time, then who could not."""
    entrant = result.entrant
    timed = entrant is not None and bool(entrant.device_s)
    return not timed, entrant.stats.median_s if entrant and timed else 0.0, result.provider
