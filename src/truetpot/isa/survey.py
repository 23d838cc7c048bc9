"""All jobs compiled and inspected, several at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from truetpot.errors import UserError
from truetpot.facts.issue_rates import all_issue_rates
from truetpot.isa import kept
from truetpot.isa.compilations import Compilation, compilations
from truetpot.isa.inspection import inspect
from truetpot.isa.jobs import Job
from truetpot.isa.launch import Launch, record_launches
from truetpot.isa.ocloc import CompileError, Ocloc
from truetpot.records.isa import Failure, Inspection, Listing
from truetpot.runtime.opencl.target import Target, known_targets
from truetpot.text import meant


@dataclass(frozen=True)
class Result:
    """What came of one job."""

    job: Job
    outcome: Inspection | Failure


See = Callable[[int, Job, Listing], None]
"""Is given a job's place, the job and its listing."""


def find_targets(ocloc: Ocloc, names: Sequence[str] | None) -> tuple[list[Target], dict[str, str]]:
    """The targets named, or all that are known here; why the compiler takes the others not.

    Raises UserError for a name that it does not take, or where none is left.
    """
    known = known_targets()
    for name in names or ():
        if name not in known:
            near = meant(name, known)
            raise UserError(f"There is no target {name!r}{near}; known are {', '.join(known)}.")
    found, refused = [], {}
    for name in names or known:
        if (reason := ocloc.refuses(name)) is None:
            found.append(known[name])
        else:
            refused[name] = reason
    if refused and (names or not found):
        reason = next(iter(refused.values()))
        raise UserError(f"{reason}; give a newer one with --ocloc.")
    return found, refused


def survey(
    jobs: Sequence[Job], ocloc: Ocloc, advance: Callable[[float, float], None]
) -> list[Result]:
    """Every job's result, in the order of the jobs."""
    results: dict[int, Result] = {}
    for place, result in inspected(compilations(jobs), ocloc):
        results[place] = result
        advance(len(results), len(jobs))
    return [results[i] for i in range(len(jobs))]


def inspected(
    work: Iterable[Compilation], ocloc: Ocloc, see: See | None = None
) -> Iterator[tuple[int, Result]]:
    """The result of every job with its place, as they come; what is kept is not made again.

    Several are compiled at a time, and few more than that begun, so that little is lost where this
    ends early. `see` is given each listing. Raises UserError where a listing is not understood.
    """
    launches = _Launches()
    several = os.cpu_count() or 1
    waiting: deque[Future[list[tuple[int, Result]]]] = deque()
    with ThreadPoolExecutor(max_workers=several) as pool:
        try:
            for one in work:
                # kernels may be anyone's: their own code runs in this thread alone
                wanted = [_wanted(one, place, job, ocloc, launches) for place, job in one.jobs]
                waiting.append(pool.submit(_one, one, wanted, ocloc, see))
                while len(waiting) > 2 * several:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def failures(results: Iterable[Result]) -> list[Failure]:
    """Outcomes of the kernels that gave no result."""
    return [r.outcome for r in results if isinstance(r.outcome, Failure)]


def inspections(results: Iterable[Result]) -> list[Inspection]:
    """Outcomes of the kernels that gave a result."""
    return [r.outcome for r in results if isinstance(r.outcome, Inspection)]


def is_kept(one: Compilation, ocloc: Ocloc) -> bool:
    """Whether all that comes of a compilation is there from before."""
    names = [one.kept_as(job, ocloc) for _, job in one.jobs]
    return all(name is not None and kept.is_kept(name) for name in names)


class _Launches:
    """How each job's kernel launches it: its own call is asked, once for all builds of a kernel."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[Launch, ...] | str] = {}

    def of(self, job: Job) -> Launch | str:
        key = (job.kernel, job.case, job.target, tuple(map(str, job.config.items())))
        if key not in self._known:
            target = known_targets()[job.target]
            self._known[key] = record_launches(job.kernel, job.op, job.case, target, job.config)
        launches = self._known[key]
        if isinstance(launches, str):
            return launches
        mine = [one for one in launches if one.build == job.build]
        return mine[0] if mine else f"its call does not launch {job.build.function}"


@dataclass(frozen=True)
class _Wanted:
    """A job of a compilation, with what is known of it before it is compiled."""

    place: int
    job: Job
    name: str | None
    """What its inspection is to be kept under."""
    there: Inspection | None
    """From before."""
    launch: Launch | str


def _wanted(one: Compilation, place: int, job: Job, ocloc: Ocloc, launches: _Launches) -> _Wanted:
    name = one.kept_as(job, ocloc)
    there = None if name is None else kept.load(name, Inspection)
    return _Wanted(place, job, name, there, "" if there is not None else launches.of(job))


def _one(
    one: Compilation, wanted: Sequence[_Wanted], ocloc: Ocloc, see: See | None
) -> list[tuple[int, Result]]:
    """Compiled once, where anything of it is not there yet or is to be seen."""
    if see is None and all(each.there is not None for each in wanted):
        return [(each.place, Result(each.job, each.there)) for each in wanted if each.there]
    try:
        listing = one.compile(ocloc)
    except CompileError as error:
        return [(each.place, Result(each.job, _failure(each.job, error))) for each in wanted]
    found = []
    for each in wanted:
        if see is not None:
            see(each.place, each.job, listing)
        row = each.there
        if row is None:
            row = inspect(each.job, listing, each.launch, all_issue_rates()[one.target])
            if each.name is not None:
                kept.save(each.name, row)
        found.append((each.place, Result(each.job, row)))
    return found


def _failure(job: Job, error: CompileError) -> Failure:
    return Failure(
        op=job.op.name,
        provider=job.provider,
        name=job.build.function,
        variant=job.build.variant,
        target=job.target,
        case=job.case.label(),
        reason=str(error),
    )
