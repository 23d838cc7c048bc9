"""The searches of ``truetpot tune``: which there are to make, and making one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from truetpot.decode.selected import SelectedStep
from truetpot.errors import KernelError, OutputError, UserError
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.keeper import Keeper
from truetpot.measure.prepared import PreparedCase
from truetpot.ops.operator import Case
from truetpot.ops.registry import REGISTRY, Config, Kernel
from truetpot.records.tune import TuneStatus
from truetpot.records.tuned import SearchKey
from truetpot.runs.kernels import Request
from truetpot.runs.watch import Watch
from truetpot.stats import Ratio
from truetpot.tune.ahead import MOST_S, Ahead, Process
from truetpot.tune.bench import Bench
from truetpot.tune.compiling import processes
from truetpot.tune.decide import PROCESSES
from truetpot.tune.figures import Tuned
from truetpot.tune.fresh import Order, in_new_processes, side_by_side
from truetpot.tune.progress import read_log, search_key
from truetpot.tune.search import FINAL_SHARE, LOOKS_SHARE, Plan, Stage, candidates, search
from truetpot.tune.subject import Subject
from truetpot.tune.transfer import Transfer
from truetpot.tune.trials import DeviceLostError, Seconds, Trials

STARTING_S = 60.0
"""For a new process to import what it needs, and to read a case's inputs."""


@dataclass(frozen=True)
class How:
    """How to search, beside what."""

    strategy: str
    budget: int | None
    transfer: Transfer | None
    limit_s: float
    folder: Path | None
    """Of the user's own kernels."""
    again: bool
    step: bool
    export: Path | None
    """A folder for T4 and T1 files."""
    jobs: int
    """Processes that compile ahead."""


@dataclass(frozen=True)
class Task:
    """A search to be made, and where its result goes."""

    result: Tuned
    kernel: type[Kernel]
    configs: Sequence[Config]
    key: SearchKey


@dataclass
class Pace:
    """How long the searches take, to say how long the rest will."""

    tasks: int
    started: float = field(default_factory=time.monotonic)
    done: int = 0

    def rest(self) -> str:
        """``, about 12 min for the rest``; empty before the first one is done."""
        if not self.done:
            return ""
        seconds = (time.monotonic() - self.started) / self.done * (self.tasks - self.done)
        many = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
        return f", about {many} for the rest"


def plan(
    request: Request, step: SelectedStep | None, device: str, versions: Mapping[str, str]
) -> tuple[list[Tuned], list[Task]]:
    """A result for each case and provider; a task for each that has something to search.

    Of ``step``, where it is given, the kernels that it uses and no others.
    """
    results, tasks = [], []
    used = None if step is None else _kernels_of(step)
    for case in request.cases():
        for provider in request.setting.providers:
            if used is not None and (case.op.name, provider, case.case) not in used:
                continue
            result = Tuned(case.op.name, case.case, case.roles, provider)
            results.append(result)
            found = REGISTRY.choose(case.op.name, case.case, request.setting.device, provider)
            if (kernel := found.kernel) is None:
                result.reason = found.reason
                if found.fault:
                    result.status = TuneStatus.WRONG
                continue
            try:
                configs = candidates(kernel, case.case, request.setting.device)
            except KernelError as fault:
                result.status, result.reason = TuneStatus.WRONG, str(fault)
                continue
            result.configs = configs
            if len(configs) < 2:
                result.reason = f"the {provider} {case.op.name} kernel has nothing to tune"
            else:
                result.status, result.reason = TuneStatus.PARTIAL, "interrupted before its turn"
                key = search_key(kernel, case.case, device, versions)
                tasks.append(Task(result, kernel, configs, key))
    return results, tasks


def _kernels_of(step: SelectedStep) -> set[tuple[str, str, Case]]:
    """Operator, provider and case of every kernel that the step uses."""
    return {
        (op, selection.required.provider, case) for (op, case), selection in step.selections.items()
    }


def make(
    task: Task,
    request: Request,
    how: How,
    ceiling: Ceiling,
    progress: Path,
    watch: Watch,
    counter: str,
    keep: Keeper,
    at_hand: list[Process],
) -> None:
    """Fill the task's result; an interrupt passes through with what was seen until then.

    ``at_hand`` are the processes that compile; they are left to the next search.
    """
    result = task.result
    log = read_log(progress, task.key)
    what = f"{counter} {result.op} of {result.provider}, {result.case.label()}"
    if log.looks:
        what += f" ({len(log.looks)} configurations known from the run before)"
    result.looks = log.looks
    result.reason = "interrupted"
    first = [] if how.transfer is None else how.transfer.best(result.op, result.provider, task.key)
    plan = Plan(how.strategy, how.budget, first)
    ahead = _ahead(task, request, how, at_hand)
    lab = _trials(task, request, how, ceiling, plan, ahead)
    with watch.bar(what) as advance:

        def on_stage(stage: Stage) -> None:
            advance(stage.share, 1.0)
            keep.tick()

        try:
            result.found = search(task.configs, lab, log, plan, on_stage)
        except KernelError as wrong:
            result.status, result.reason = TuneStatus.WRONG, f"its default: {wrong}"
        except (DeviceLostError, OutputError) as lost:
            result.reason = str(lost)
            raise
        except UserError as error:
            result.status, result.reason = TuneStatus.SKIPPED, str(error)
        else:
            improved = result.found.improved
            result.status = TuneStatus.TUNED if improved else TuneStatus.DEFAULT
            result.reason = ""
        finally:
            result.compiled = ahead.record()


def _subject(task: Task, request: Request, how: How) -> Subject:
    result, device = task.result, request.setting.device
    return Subject(result.op, result.provider, result.case, device.name, how.folder)


def _ahead(task: Task, request: Request, how: How, at_hand: list[Process]) -> Ahead:
    """Who compiles what is tried next."""
    jobs = processes(task.kernel, task.result.case, request.setting.device, how.jobs)
    return Ahead(_subject(task, request, how), jobs, min(MOST_S, how.limit_s), at_hand)


def _trials(
    task: Task, request: Request, how: How, ceiling: Ceiling, plan: Plan, ahead: Ahead
) -> Trials:
    """Where configurations are tried: in this process, and the best in new ones."""
    setting, case, default = request.setting, task.result.case, task.configs[0]
    subject = _subject(task, request, how)
    seconds = Seconds(
        look=request.seconds * LOOKS_SHARE / plan.likely(len(task.configs)),
        final=request.seconds * FINAL_SHARE,
        process=request.seconds * (1 - LOOKS_SHARE - FINAL_SHARE) / PROCESSES,
    )

    prepared = PreparedCase(task.kernel.op, case, setting.device, hardware=setting.hardware)

    def bench() -> Bench:
        return Bench(prepared, task.kernel, default)

    def apart(config: Config, count: int, seconds: float) -> Iterator[Ratio]:
        # each makes and checks two
        limit_s = STARTING_S + 2 * how.limit_s + seconds
        at_once = side_by_side(task.kernel.op, case, setting.device)
        with TemporaryDirectory(prefix="truetpot-") as folder:
            values = Path(folder) / "values"
            prepared.hand_over(values)
            orders = [
                Order(subject, default, config, seconds, number % 2 == 1, values)
                for number in range(count)
            ]
            yield from in_new_processes(orders, limit_s, at_once)

    return Trials(bench, default, ceiling, seconds, apart, how.limit_s, ahead)
