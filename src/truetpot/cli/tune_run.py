"""The run behind ``truetpot tune``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from truetpot.cli.exits import ExitCode
from truetpot.cli.kernels_run import Request
from truetpot.cli.setting import doubts, sweep_rule
from truetpot.cli.signals import uninterrupted
from truetpot.errors import KernelError, OutputError, UserError
from truetpot.measure import record
from truetpot.measure.ceiling import Ceiling, find_ceiling
from truetpot.measure.keeper import Keeper
from truetpot.ops.registry import REGISTRY, Fault, Kernel
from truetpot.records.opening import Environment
from truetpot.records.tune import TuneRecord, TuneStatus
from truetpot.records.tuned import SearchKey
from truetpot.report.ladder import describe_device
from truetpot.report.terminal import Terminal
from truetpot.report.tune import draw_left_out, draw_tuned
from truetpot.runtime.running import position
from truetpot.tune import store
from truetpot.tune.figures import Tuned
from truetpot.tune.progress import forget, progress_file, read_log, search_key
from truetpot.tune.search import DeviceLostError, candidates, search

PACKAGES = ("torch", "triton", "numba")
"""Whose versions an entry keeps, where they are installed."""
IDENTITY = ("name", "uuid", "pci_address", "driver")


@dataclass(frozen=True)
class Task:
    """A search to be made, and where its result goes."""

    result: Tuned
    kernel: type[Kernel]
    key: SearchKey


def run(request: Request, file: Path, again: bool, json: str | None, terminal: Terminal) -> int:
    """The exit code. Raises UserError where nothing can be tuned."""
    device = request.setting.device
    progress = progress_file(file)
    store.load(file)
    opening = record.opening(device)
    environment = opening.environment
    versions = _versions(environment)
    told = {name: environment.device.get(name) for name in IDENTITY}
    identity = {name: str(value) for name, value in told.items() if value is not None}
    results, tasks = _plan(request, identity["name"], versions)
    if not tasks:
        wrong = next((result for result in results if result.status is TuneStatus.WRONG), None)
        if wrong is not None:
            raise KernelError(f"{wrong.provider} {wrong.op}: {wrong.reason}")
        raise UserError(f"Nothing can be tuned: {results[0].reason}.")
    here = position()
    first = here is None or not here.blamed  # else a kernel ended the process before this one
    if again and first:
        forget(progress, [task.key for task in tasks])
    tell = terminal.say if first else terminal.status
    tell(describe_device(device.name, environment))
    warnings = doubts(device)
    for warning in warnings if first else []:
        terminal.say(warning, "yellow")
    ceiling: Ceiling | None = None
    cause: BaseException | None = None
    saved = False
    left_out: tuple[str, ...] = ()

    def written(partial: bool) -> TuneRecord:
        return TuneRecord(
            started=opening.started,
            command=opening.command,
            environment=environment,
            partial=partial,
            model=request.model.name if request.linear is None else None,
            device=device.name,
            file=str(file),
            ceiling=None if ceiling is None else ceiling.record(),
            results=[result.record() for result in results],
            warnings=[*warnings, *left_out],
            state_after=device.state(),
        )

    def so_far() -> TuneRecord | None:
        known = any(result.looks or result.found for result in results)
        return written(partial=True) if known else None

    with Keeper(json, so_far, resumes=True) as keep:
        try:
            terminal.status("sweeping the read kernels for the ceiling")
            ceiling = find_ceiling(device, sweep_rule(request.seconds))
            tell(f"ceiling: {ceiling.bandwidth / 1e9:.1f} GB/s ({ceiling.provider})")
            left_out = ceiling.left_out
            for sentence in left_out:
                terminal.say(sentence, "bold red")
            for i, task in enumerate(tasks):
                place = f"{i + 1}/{len(tasks)}"
                _search(task, request, ceiling, progress, terminal, place, keep)
                if (result := task.result).found is not None:
                    kept = store.entry(result.found, versions, identity)
                    with uninterrupted():
                        store.put(file, result.op, result.provider, result.case.label(), kept)
                        saved = True
                keep.case_done()
            forget(progress, [task.key for task in tasks])
        except KeyboardInterrupt as stopped:
            cause = stopped
        except Exception as error:
            if ceiling is None:
                raise
            cause = error
        with uninterrupted():
            terminal.show("", draw_tuned(results))
            for line in draw_left_out(results):
                terminal.say(line, "yellow")
            if saved:
                terminal.say(f"kept in {file}")
            if cause is not None:
                terminal.say("Interrupted: the same command goes on from here.", "yellow")
            keep.finish(written(partial=cause is not None))
    if isinstance(cause, Exception):
        raise cause
    if cause is not None:
        return ExitCode.INTERRUPTED
    invalid = bool(left_out) or any(result.status is TuneStatus.WRONG for result in results)
    return ExitCode.INVALID if invalid else ExitCode.OK


def make_folder(file: Path) -> Path:
    """The user's own file, in a folder that is there. Raises UserError where there can be none."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror
        raise UserError(f"{file.parent} cannot be made: {why}; give --out FILE.") from error
    return file


def _plan(
    request: Request, device: str, versions: Mapping[str, str]
) -> tuple[list[Tuned], list[Task]]:
    """A result for each case and provider; a task for each that has something to search."""
    results, tasks = [], []
    for case in request.cases():
        for provider in request.setting.providers:
            result = Tuned(case.op.name, case.case, case.roles, provider)
            results.append(result)
            kernel = REGISTRY.find(case.op.name, provider, case.case, request.setting.device)
            if isinstance(kernel, str):
                result.reason = kernel
                if isinstance(kernel, Fault):
                    result.status = TuneStatus.WRONG
                continue
            try:
                several = len(candidates(kernel, case.case, request.setting.device)) > 1
            except KernelError as fault:
                result.status, result.reason = TuneStatus.WRONG, str(fault)
                continue
            if not several:
                result.reason = f"the {provider} {case.op.name} kernel has nothing to tune"
            else:
                result.status, result.reason = TuneStatus.PARTIAL, "interrupted before its turn"
                key = search_key(kernel, case.case, device, versions)
                tasks.append(Task(result, kernel, key))
    return results, tasks


def _search(
    task: Task,
    request: Request,
    ceiling: Ceiling,
    progress: Path,
    terminal: Terminal,
    place: str,
    keep: Keeper,
) -> None:
    """Fill the task's result; an interrupt passes through with what was seen until then."""
    result, setting = task.result, request.setting
    log = read_log(progress, task.key)
    what = f"{place} {result.op} of {result.provider}, {result.case.label()}"
    if log.looks:
        what += f" ({len(log.looks)} configurations known from the run before)"
    result.looks = log.looks
    result.reason = "interrupted"
    with terminal.bar(what) as advance:

        def on_progress(share: float) -> None:
            advance(share, 1.0)
            keep.tick()

        try:
            result.found = search(
                task.kernel,
                result.case,
                setting.device,
                ceiling,
                request.seconds,
                log,
                setting.hardware,
                on_progress,
            )
        except KernelError as wrong:
            result.status, result.reason = TuneStatus.WRONG, f"its default: {wrong}"
        except DeviceLostError as lost:
            result.reason = str(lost)
            raise
        except OutputError as lost:
            result.reason = str(lost)
            raise
        except UserError as error:
            result.status, result.reason = TuneStatus.SKIPPED, str(error)
        else:
            improved = result.found.improved
            result.status = TuneStatus.TUNED if improved else TuneStatus.DEFAULT
            result.reason = ""


def _versions(environment: Environment) -> dict[str, str]:
    packages = environment.packages
    found = {name: packages[name] for name in PACKAGES if name in packages}
    return {"truetpot": environment.truetpot, **found}
