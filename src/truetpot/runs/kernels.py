"""The run behind ``truetpot kernels``."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from truetpot.decode.cases import StepCase, step_cases
from truetpot.errors import UserError
from truetpot.exits import ExitCode
from truetpot.facts.models import Model
from truetpot.facts.workload import Workload
from truetpot.measure import record
from truetpot.measure.ceiling import SLICES, Ceiling, buffer_bytes, find_ceiling
from truetpot.measure.keeper import Keeper
from truetpot.measure.kernel_result import KernelResult
from truetpot.measure.kernels import Contender, measure_kernels
from truetpot.ops import COMPOSITES, LINEAR, MEMORY_READ, OPERATORS, Composite, MemoryReadCase
from truetpot.ops.registry import REGISTRY
from truetpot.records.kernels import KernelsRecord
from truetpot.records.words import KernelStatus
from truetpot.report.kernels import Row, draw_case, draw_head
from truetpot.report.ladder import describe_device
from truetpot.report.terminal import Terminal
from truetpot.runs.cases import choose, shaped
from truetpot.runs.contenders import contenders, one_provider
from truetpot.runs.setting import Setting, doubts, sweep_rule
from truetpot.runtime.interrupts import uninterrupted
from truetpot.runtime.running import position
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

    def cases(self) -> list[StepCase]:
        """What is to be measured. Raises UserError where that is nothing, or not known."""
        composites = {one.name: one for one in (*COMPOSITES, *self.setting.preference.composites())}
        names = dict.fromkeys([*OPERATORS, *composites])
        for name in self.ops or ():
            if name not in names:
                near = meant(name, names)
                raise UserError(
                    f"There is no operator {name!r}{near}; known are {', '.join(names)}."
                )
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
        if not found:
            asked = ", ".join([*(self.ops or ()), *(self.roles or ())])
            raise UserError(f"The step of {self.model.name} has no case of {asked}.")
        return list(found.values())


def run(request: Request, json: str | None, terminal: Terminal) -> int:
    """The exit code. Raises UserError where nothing could be measured."""
    cases = request.cases()
    entries = _entries(request, cases)
    opening = record.opening(request.setting.device)
    before = Before.take()
    tell = terminal.status if before.ended else terminal.say
    tell(describe_device(request.setting.device.name, opening.environment))
    warnings = doubts(request.setting.device)
    for warning in warnings:
        tell(warning, "yellow")
    ceiling: Ceiling | None = None
    rows = before.rows
    running: list[Row] = []
    interrupted = False

    def written(partial: bool) -> KernelsRecord:
        return KernelsRecord(
            started=opening.started,
            command=opening.command,
            environment=opening.environment,
            partial=partial,
            model=request.model.name if request.linear is None else None,
            ceiling=None if ceiling is None else ceiling.record(),
            results=[one.record(roles, request.samples) for one, roles in (*rows, *running)],
            warnings=[*warnings, *(() if ceiling is None else ceiling.left_out)],
            state_after=request.setting.device.state(),
        )

    def so_far() -> KernelsRecord | None:
        return written(partial=True) if any(one.known for one, _ in (*rows, *running)) else None

    with Keeper(json, so_far, resumes=True) as keep:
        try:
            terminal.status("sweeping the read kernels and matrix products for the ceiling")
            setting = request.setting
            ceiling = find_ceiling(setting.device, sweep_rule(request.seconds), dtype=setting.dtype)
            tell(f"ceiling: {ceiling.bandwidth / 1e9:.1f} GB/s ({ceiling.provider})")
            if (gemm := ceiling.gemm) is not None:
                tell(f"ceiling of operations: {gemm.rate / 1e12:.3g} TFLOPS ({gemm.name})")
            for sentence in ceiling.left_out:
                terminal.say(sentence, "bold red")
            for i, case in enumerate(cases[before.cases :], before.cases):

                def on_start(started: list[KernelResult], case: StepCase = case) -> None:
                    running[:] = [(result, case.roles) for result in started]

                place = f"{i + 1}/{len(cases)}"
                results, finished = _measure(
                    request, entries, case, ceiling, terminal, place, on_start, keep
                )
                running.clear()
                new = [(result, case.roles) for result in results]
                terminal.show(*(() if rows else ("", draw_head())), draw_case(new))
                rows += new
                if not finished:
                    raise KeyboardInterrupt
                before.leave(i + 1, rows)
                keep.case_done()
        except KeyboardInterrupt:
            interrupted = True
        with uninterrupted():
            if interrupted:
                terminal.say("Interrupted: this is what was measured.", "yellow")
            done = written(partial=interrupted)
            keep.finish(done)
            terminal.draw(done)
    if interrupted:
        return ExitCode.INTERRUPTED
    code = _verdict([result for result, _ in rows])
    return ExitCode.INVALID if ceiling is not None and ceiling.left_out else code


@dataclass
class Before:
    """What processes before this one measured, the last of which a kernel ended."""

    ended: bool
    cases: int
    """How many are done."""
    rows: list[Row]

    @classmethod
    def take(cls) -> Self:
        """From the process before; nothing where this is the first."""
        here = position()
        text = None if here is None else here.get("rows")
        cases, rows = (0, []) if text is None else pickle.loads(text)
        return cls(here is not None and bool(here.blamed), cases, rows)

    def leave(self, cases: int, rows: list[Row]) -> None:
        """For the process after this one, should a kernel end this one."""
        if (here := position()) is not None:
            here.put("rows", pickle.dumps((cases, rows)))


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
    terminal: Terminal,
    place: str,
    on_start: Callable[[list[KernelResult]], None],
    keep: Keeper,
) -> tuple[list[KernelResult], bool]:
    """All providers on one case; what has no room is skipped with its reason."""
    setting = request.setting
    if request.everyone:
        offering = REGISTRY.offering(case.op.name)
        entries = tuple(one for one in entries if one.provider in offering)
    rule = StopRule(seconds=request.seconds, warmup_s=min(0.5, request.seconds / 4))
    with terminal.bar(f"{place} {case.op.name} {case.case.label()}") as advance:

        def on_round(used: float) -> None:
            advance(used, 1.0)
            keep.tick()

        try:
            results, finished = measure_kernels(
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
            return sorted(results, key=_place) if request.everyone else results, finished
        except UserError as error:
            name, skipped = setting.device.name, KernelStatus.SKIPPED
            return [
                KernelResult(
                    case.op.name, case.case, one.provider, name, skipped, str(error),
                    asked=one.config,
                )
                for one in entries
            ], True  # fmt: skip


def _place(result: KernelResult) -> tuple[bool, float, str]:
    """Who ran by time, then who could not."""
    entrant = result.entrant
    timed = entrant is not None and bool(entrant.device_s)
    return not timed, entrant.stats.median_s if entrant and timed else 0.0, result.provider


def _verdict(results: list[KernelResult]) -> int:
    if any(result.status in (KernelStatus.WRONG, KernelStatus.INVALID) for result in results):
        return ExitCode.INVALID
    if all(result.status is KernelStatus.SKIPPED for result in results):
        raise UserError(f"Nothing could be measured: {results[0].reason.rstrip('.')}.")
    return ExitCode.OK
