"""The run behind ``truetpot tune``."""

from __future__ import annotations

from pathlib import Path

from truetpot.cli.exits import ExitCode
from truetpot.cli.kernels_run import Request
from truetpot.cli.setting import doubts, sweep_rule
from truetpot.cli.signals import uninterrupted
from truetpot.cli.tune_search import How, Pace, make, plan
from truetpot.cli.tune_step import by_step, check_room
from truetpot.decode.selected import SelectedStep, select_step
from truetpot.errors import KernelError, UserError
from truetpot.measure import record
from truetpot.measure.ceiling import Ceiling, buffer_bytes, find_ceiling
from truetpot.measure.keeper import Keeper
from truetpot.records.opening import Environment
from truetpot.records.tune import StepDecision, TuneRecord, TuneStatus
from truetpot.report.ladder import describe_device
from truetpot.report.terminal import Terminal
from truetpot.report.tune import draw_left_out, draw_step, draw_tuned
from truetpot.runtime.running import position
from truetpot.tune import exchange, store
from truetpot.tune.ahead import compilers
from truetpot.tune.progress import forget, progress_file

PACKAGES = ("torch", "triton", "numba", "pyopencl", "intel-opencl-rt")
"""Whose versions an entry keeps, where they are installed."""
IDENTITY = ("name", "uuid", "pci_address", "driver")


def run(request: Request, file: Path, how: How, json: str | None, terminal: Terminal) -> int:
    """The exit code. Raises UserError where nothing can be tuned."""
    device = request.setting.device
    progress = progress_file(file)
    store.load(file)
    opening = record.opening(device)
    environment = opening.environment
    told = {name: environment.device.get(name) for name in IDENTITY}
    identity = {name: str(value) for name, value in told.items() if value is not None}
    versions = _versions(environment, identity)
    selected: SelectedStep | None = None
    if how.step:
        check_room(request, buffer_bytes(device))
        (shape,) = request.shapes
        selected = select_step(request.model, shape, request.setting.preference)
    results, tasks = plan(request, selected, identity["name"], versions)
    if not tasks:
        wrong = next((result for result in results if result.status is TuneStatus.WRONG), None)
        if wrong is not None:
            raise KernelError(f"{wrong.provider} {wrong.op}: {wrong.reason}")
        why = results[0].reason if results else "the step has no such kernel"
        raise UserError(f"Nothing can be tuned: {why}.")
    here = position()
    first = here is None or not here.blamed  # else a kernel ended the process before this one
    if how.again and first:
        forget(progress, [task.key for task in tasks])
    tell = terminal.say if first else terminal.status
    tell(describe_device(device.name, environment))
    warnings = doubts(device)
    for warning in warnings if first else []:
        terminal.say(warning, "yellow")
    ceiling: Ceiling | None = None
    cause: BaseException | None = None
    saved = False
    step: StepDecision | None = None
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
            step=step,
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
            pace = Pace(len(tasks))
            with compilers() as at_hand:
                for i, task in enumerate(tasks):
                    place = f"{i + 1}/{len(tasks)}{pace.rest()}:"
                    make(task, request, how, ceiling, progress, terminal, place, keep, at_hand)
                    pace.done += 1
                    if not how.step:
                        with uninterrupted():
                            saved |= store.keep(file, task.result, task.key, identity)
                    keep.case_done()
            if selected is not None:
                step = by_step(request, selected, results, terminal, keep)
                with uninterrupted():
                    for task in tasks:
                        saved |= store.keep(file, task.result, task.key, identity, step, True)
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
            if step is not None:
                terminal.show("", draw_step(step))
            if saved:
                terminal.say(f"kept in {file}")
            if cause is not None:
                terminal.say("Interrupted: the same command goes on from here.", "yellow")
            done = written(partial=cause is not None)
            keep.finish(done)
            terminal.draw(done)
            if how.export is not None:
                exchange.write(how.export, [one.result for one in tasks], environment, identity)
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


def _versions(environment: Environment, identity: dict[str, str]) -> dict[str, str]:
    """What a figure rests on beside the kernel's own files, the driver among it."""
    packages = environment.packages
    found = {name: packages[name] for name in PACKAGES if name in packages}
    if driver := identity.get("driver"):
        found["driver"] = driver
    return {"truetpot": environment.truetpot, **found}
