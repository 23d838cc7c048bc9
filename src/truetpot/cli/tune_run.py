"""The run behind ``truetpot tune``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truetpot.cli.command import uninterrupted
from truetpot.cli.kernels_run import INTERRUPTED, INVALID, Request
from truetpot.cli.setting import busy, sweep_rule
from truetpot.errors import KernelError, UserError
from truetpot.measure import record
from truetpot.measure.ceiling import Ceiling, find_ceiling
from truetpot.ops.registry import REGISTRY, Fault, Kernel
from truetpot.ops.tuned import user_file
from truetpot.report.ladder import describe_device
from truetpot.report.terminal import Terminal
from truetpot.report.tune import draw_left_out, draw_tuned
from truetpot.runtime.running import position
from truetpot.tune import store
from truetpot.tune.figures import Tuned
from truetpot.tune.progress import Key, forget, read_log, search_key
from truetpot.tune.search import DeviceLostError, candidates, search

PACKAGES = ("torch", "triton", "numba")
"""Whose versions an entry keeps, where they are installed."""
IDENTITY = ("name", "uuid", "pci_address", "driver")


@dataclass(frozen=True)
class Task:
    """A search to be made, and where its result goes."""

    result: Tuned
    kernel: type[Kernel]
    key: Key


def run(
    request: Request, out: Path | None, again: bool, json: str | None, terminal: Terminal
) -> int:
    """The exit code. Raises UserError where nothing can be tuned."""
    device = request.setting.device
    file = out or user_file(device)
    progress = file.with_suffix(".progress.jsonl")
    _make_room(file)
    store.load(file)
    opening = record.header("tune", device)
    environment = opening["environment"]
    versions = _versions(environment)
    identity = {name: environment["device"].get(name) for name in IDENTITY}
    identity = {name: value for name, value in identity.items() if value is not None}
    results, tasks = _plan(request, identity["name"], versions)
    if not tasks:
        wrong = next((result for result in results if result.status == "wrong"), None)
        if wrong is not None:
            raise KernelError(f"{wrong.provider} {wrong.op}: {wrong.reason}")
        raise UserError(f"Nothing can be tuned: {results[0].reason}.")
    here = position()
    first = here is None or not here.blamed  # else a kernel ended the process before this one
    if again and first:
        forget(progress, [task.key for task in tasks])
    tell = terminal.say if first else terminal.status
    tell(describe_device(device.name, environment))
    if (warning := busy(device)) and first:
        terminal.say(warning, "yellow")
    ceiling: Ceiling | None = None
    cause: BaseException | None = None
    left_out: tuple[str, ...] = ()
    try:
        terminal.status("sweeping the read kernels for the ceiling")
        ceiling = find_ceiling(device, sweep_rule(request.seconds))
        left_out = ceiling.left_out
        tell(f"ceiling: {ceiling.bandwidth / 1e9:.1f} GB/s ({ceiling.provider})")
        for sentence in left_out:
            terminal.say(sentence, "bold red")
        for i, task in enumerate(tasks):
            _search(task, request, ceiling, progress, terminal, f"{i + 1}/{len(tasks)}")
            if (result := task.result).found is not None:
                kept = store.entry(result.found, versions, identity)
                with uninterrupted():
                    store.put(file, result.op, result.provider, result.case.label(), kept)
    except (KeyboardInterrupt, DeviceLostError) as stopped:
        cause = stopped
    interrupted = cause is not None
    with uninterrupted():
        if not interrupted:
            forget(progress, [task.key for task in tasks])
        if json is not None:
            found = {
                "model": request.model.name,
                "device": device.name,
                "file": str(file),
                "ceiling": None if ceiling is None else ceiling.to_json(),
                "results": [result.to_json() for result in results],
                "warnings": [*([warning] if warning else []), *left_out],
                "state_after": device.state(),
            }
            record.write({**opening, **found, "partial": interrupted}, json)
        terminal.show("", draw_tuned(results))
        for line in draw_left_out(results):
            terminal.say(line, "yellow")
        if any(result.found is not None for result in results):
            terminal.say(f"kept in {file}")
        if interrupted:
            terminal.say("Interrupted: the same command goes on from here.", "yellow")
    if isinstance(cause, DeviceLostError):
        raise cause
    if interrupted:
        return INTERRUPTED
    return INVALID if left_out or any(result.status == "wrong" for result in results) else 0


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
                    result.status = "wrong"
                continue
            try:
                several = len(candidates(kernel, case.case, request.setting.device)) > 1
            except KernelError as fault:
                result.status, result.reason = "wrong", str(fault)
                continue
            if not several:
                result.reason = f"the {provider} {case.op.name} kernel has nothing to tune"
            else:
                result.status, result.reason = "partial", "interrupted before its turn"
                key = search_key(kernel, case.case, device, versions)
                tasks.append(Task(result, kernel, key))
    return results, tasks


def _search(
    task: Task, request: Request, ceiling: Ceiling, progress: Path, terminal: Terminal, place: str
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
        try:
            result.found = search(
                task.kernel,
                result.case,
                setting.device,
                ceiling,
                request.seconds,
                log,
                setting.hardware,
                lambda share: advance(share, 1.0),
            )
        except KernelError as wrong:
            result.status, result.reason = "wrong", f"its default: {wrong}"
        except DeviceLostError as lost:
            result.reason = str(lost)
            raise
        except UserError as error:
            result.status, result.reason = "skipped", str(error)
        else:
            result.status = "tuned" if result.found.improved else "default"
            result.reason = ""


def _versions(environment: Mapping[str, Any]) -> dict[str, str]:
    packages = environment["packages"]
    found = {name: packages[name] for name in PACKAGES if name in packages}
    return {"truetpot": environment["truetpot"], **found}


def _make_room(file: Path) -> None:
    """Raise UserError now rather than after the search, if the file cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.touch()
        new.unlink()
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}; give --out FILE.") from error
