"""The run behind ``truetpot tune``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from truetpot.decode.selected import SelectedStep, select_step
from truetpot.errors import KernelError, OutputError, UserError
from truetpot.measure import record
from truetpot.measure.ceiling import Ceiling, buffer_bytes, find_ceiling
from truetpot.measure.keeper import Keeper
from truetpot.records.opening import Environment, Opening
from truetpot.records.tune import StepDecision, TuneRecord, TuneStatus
from truetpot.runs.ended import Ended, finished
from truetpot.runs.kernels import Request
from truetpot.runs.setting import doubts, sweep_rule
from truetpot.runs.tune_search import How, Pace, Task, make, plan
from truetpot.runs.tune_step import by_step, check_room
from truetpot.runs.watch import Watch
from truetpot.runtime.interrupts import uninterrupted
from truetpot.runtime.running import position
from truetpot.tune import exchange, store
from truetpot.tune.ahead import compilers
from truetpot.tune.figures import Tuned
from truetpot.tune.progress import forget, progress_file

PACKAGES = ("torch", "triton", "numba", "pyopencl", "intel-opencl-rt")
"""Whose versions an entry keeps, where they are installed."""
IDENTITY = ("name", "uuid", "pci_address", "driver")


class TuneWatch(Watch):
    """Is told of the ceiling."""

    def found(self, ceiling: Ceiling) -> None:
        """What the searches are held against."""


@dataclass(frozen=True)
class TuneEnded(Ended[TuneRecord]):
    """A run that is over, its searches, and whether any of them was written to the user's file."""

    results: Sequence[Tuned] = ()
    saved: bool = False


@dataclass
class Searches:
    """What is known so far of all searches."""

    request: Request
    how: How
    file: Path
    """Where the best go."""
    opening: Opening
    identity: dict[str, str]
    results: list[Tuned]
    tasks: list[Task]
    selected: SelectedStep | None
    """The step that decides, where it does."""
    warnings: list[str] = field(default_factory=list)
    ceiling: Ceiling | None = None
    step: StepDecision | None = None
    saved: bool = False

    @property
    def left_out(self) -> tuple[str, ...]:
        """Sentences on read kernels that were wrong."""
        return () if self.ceiling is None else self.ceiling.left_out

    @property
    def valid(self) -> bool:
        """Whether no kernel was wrong."""
        wrong = any(result.status is TuneStatus.WRONG for result in self.results)
        return not self.left_out and not wrong

    def record(self, partial: bool) -> TuneRecord:
        """The record of what is known so far."""
        request, device = self.request, self.request.setting.device
        return TuneRecord(
            started=self.opening.started,
            command=self.opening.command,
            environment=self.opening.environment,
            partial=partial,
            model=request.model.name if request.linear is None else None,
            device=device.name,
            file=str(self.file),
            ceiling=None if self.ceiling is None else self.ceiling.record(),
            results=[result.record() for result in self.results],
            warnings=[*self.warnings, *self.left_out],
            state_after=device.state(),
            step=self.step,
        )

    def so_far(self) -> TuneRecord | None:
        """The record of a run that goes on; None before anything was measured."""
        known = any(result.looks or result.found for result in self.results)
        return self.record(partial=True) if known else None


def run(
    request: Request, file: Path, how: How, json: str | None = None, watch: TuneWatch | None = None
) -> TuneEnded:
    """Every search, its best in ``file``, the record in the file ``json`` as the run goes.

    Raises UserError where nothing can be tuned, KernelError where that is because a kernel is
    wrong.
    """
    watch = watch or TuneWatch()
    device = request.setting.device
    store.load(file)
    searches = _planned(request, file, how)
    here = position()
    first = here is None or not here.blamed  # else a kernel ended the process before this one
    if how.again and first:
        _forget(searches)
    searches.warnings = doubts(device)
    told = searches.warnings if first else []
    watch.begins(device.name, searches.opening.environment, told, not first)
    with Keeper(json, searches.so_far, resumes=True) as keep:
        interrupted = False
        cause: Exception | None = None
        try:
            _search(searches, watch, keep)
        except KeyboardInterrupt:
            interrupted = True
        except Exception as error:
            if searches.ceiling is None:
                raise
            cause = error
        done = searches.record(partial=interrupted or cause is not None)
        over = finished(keep, done, valid=searches.valid, interrupted=interrupted, cause=cause)
    cause = over.cause or _exported(searches)
    return TuneEnded(
        over.record, over.valid, over.interrupted, cause, searches.results, searches.saved
    )


def _planned(request: Request, file: Path, how: How) -> Searches:
    """All searches that there are. Raises UserError or KernelError where there is none."""
    device = request.setting.device
    opening = record.opening(device)
    told = {name: opening.environment.device.get(name) for name in IDENTITY}
    identity = {name: str(value) for name, value in told.items() if value is not None}
    selected: SelectedStep | None = None
    if how.step:
        check_room(request, buffer_bytes(device))
        (shape,) = request.shapes
        selected = select_step(request.model, shape, request.setting.preference)
    versions = _versions(opening.environment, identity)
    results, tasks = plan(request, selected, identity["name"], versions)
    if not tasks:
        wrong = next((result for result in results if result.status is TuneStatus.WRONG), None)
        if wrong is not None:
            raise KernelError(f"{wrong.provider} {wrong.op}: {wrong.reason}")
        why = results[0].reason if results else "the step has no such kernel"
        raise UserError(f"Nothing can be tuned: {why}.")
    return Searches(request, how, file, opening, identity, results, tasks, selected)


def _search(searches: Searches, watch: TuneWatch, keep: Keeper) -> None:
    """One search after the other, then the step if it is to decide; an interrupt passes through."""
    request, how, tasks = searches.request, searches.how, searches.tasks
    device, progress = request.setting.device, progress_file(searches.file)
    watch.status("sweeping the read kernels for the ceiling")
    searches.ceiling = ceiling = find_ceiling(device, sweep_rule(request.seconds))
    watch.found(ceiling)
    pace = Pace(len(tasks))
    with compilers() as at_hand:
        for i, task in enumerate(tasks):
            counter = f"{i + 1}/{len(tasks)}{pace.rest()}:"
            make(task, request, how, ceiling, progress, watch, counter, keep, at_hand)
            pace.done += 1
            if not how.step:
                _save(searches, [task])
            keep.case_done()
    if searches.selected is not None:
        searches.step = by_step(request, searches.selected, searches.results, watch, keep)
        _save(searches, tasks)
    _forget(searches)


def _save(searches: Searches, tasks: Sequence[Task]) -> None:
    """Into the user's file, what the step decided with it."""
    step, file, identity = searches.how.step, searches.file, searches.identity
    with uninterrupted():
        for task in tasks:
            searches.saved |= store.keep(
                file, task.result, task.key, identity, searches.step, step
            )


def _exported(searches: Searches) -> OutputError | None:
    """Write the files for other tuners, where they are wanted; why that failed."""
    if searches.how.export is None:
        return None
    found = [one.result for one in searches.tasks]
    try:
        with uninterrupted():
            environment = searches.opening.environment
            exchange.write(searches.how.export, found, environment, searches.identity)
    except OutputError as error:
        return error
    return None


def _forget(searches: Searches) -> None:
    """What an interrupted run would go on from."""
    forget(progress_file(searches.file), [task.key for task in searches.tasks])


def make_folder(file: Path) -> Path:
    """The user's own file, in a folder that is there. Raises UserError where there can be none."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror
        raise UserError(f"{file.parent} cannot be made: {why}; give --out FILE.") from error
    return file


def _versions(environment: Environment, identity: dict[str, str]) -> dict[str, str]:
    """What a figure rests on beside the kernel's own files, the driver among it."""
    packages = environment.packages
    found = {name: packages[name] for name in PACKAGES if name in packages}
    if driver := identity.get("driver"):
        found["driver"] = driver
    return {"truetpot": environment.truetpot, **found}
