"""All jobs compiled and inspected, several at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from truetpot.errors import UserError
from truetpot.facts.issue_rates import all_issue_rates
from truetpot.isa.inspection import inspect
from truetpot.isa.jobs import Job
from truetpot.isa.launch import Launch, record_launches
from truetpot.isa.ocloc import CompileError, Ocloc
from truetpot.kernels._lib.opencl.kernel import source_text
from truetpot.records.isa import Failure, Inspection, Listing
from truetpot.runtime.opencl.build import options
from truetpot.runtime.opencl.target import Target, known_targets
from truetpot.text import meant


@dataclass(frozen=True)
class Result:
    """What came of one job; `listing` is None where it did not compile."""

    job: Job
    listing: Listing | None
    outcome: Inspection | Failure


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
    launches = _launches(jobs)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        futures = {pool.submit(_one, job, ocloc, launches[i]): i for i, job in enumerate(jobs)}
        try:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                advance(len(results), len(jobs))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [results[i] for i in range(len(jobs))]


def failures(results: Iterable[Result]) -> list[Failure]:
    """Outcomes of the kernels that gave no result."""
    return [r.outcome for r in results if isinstance(r.outcome, Failure)]


def inspections(results: Iterable[Result]) -> list[Inspection]:
    """Outcomes of the kernels that gave a result."""
    return [r.outcome for r in results if isinstance(r.outcome, Inspection)]


def _launches(jobs: Sequence[Job]) -> list[Launch | str]:
    """How each job's kernel launches it: its own call is asked, once for all builds of a kernel."""
    known: dict[tuple[Any, ...], tuple[Launch, ...] | str] = {}
    found: list[Launch | str] = []
    for job in jobs:
        key = (job.kernel, job.case, job.target, tuple(map(str, job.config.items())))
        if key not in known:
            target = known_targets()[job.target]
            known[key] = record_launches(job.kernel, job.op, job.case, target, job.config)
        launches = known[key]
        if isinstance(launches, str):
            found.append(launches)
            continue
        mine = [one for one in launches if one.build == job.build]
        found.append(mine[0] if mine else f"its call does not launch {job.build.function}")
    return found


def _one(job: Job, ocloc: Ocloc, launch: Launch | str) -> Result:
    build = job.build
    try:
        listing = ocloc.compile(source_text(build), build.function, options(build), job.target)
    except CompileError as error:
        failure = Failure(
            op=job.op.name,
            provider=job.provider,
            name=build.function,
            variant=build.variant,
            target=job.target,
            case=job.case.label(),
            reason=str(error),
        )
        return Result(job, None, failure)
    return Result(job, listing, inspect(job, listing, launch, all_issue_rates()[job.target]))
