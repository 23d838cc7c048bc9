"""The run behind ``truetpot isa``: the OpenCL kernels compiled for cards that are not here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from truetpot import __version__
from truetpot.decode.cases import step_cases
from truetpot.decode.preference import composites_of
from truetpot.errors import OutputError, UserError
from truetpot.facts.issue_rates import IssueRates, all_issue_rates
from truetpot.facts.models import Model
from truetpot.facts.workload import Workload
from truetpot.files import write_whole
from truetpot.isa.compilations import Compilation, compilations
from truetpot.isa.configs import entry_of, named_config
from truetpot.isa.jobs import CEILING, PROVIDER, Job, find_jobs
from truetpot.isa.launch import Offline
from truetpot.isa.ocloc import Ocloc
from truetpot.isa.survey import (
    Result,
    See,
    failures,
    find_targets,
    inspected,
    inspections,
    is_kept,
)
from truetpot.ops import COMPOSITES, OPERATORS, Composite
from truetpot.ops.named import TUNED
from truetpot.ops.registry import REGISTRY, Config
from truetpot.records.isa import IsaRecord, Listing, OclocRow, RatesRow, case_of
from truetpot.records.opening import command as this_command
from truetpot.records.opening import now
from truetpot.runs.setting import in_order, load_kernels, step_shapes
from truetpot.runs.watch import Watch
from truetpot.runtime.opencl.target import known_targets
from truetpot.text import meant

MOST_NAMED = 3
"""Cases in a warning; the record has all of them."""


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    model: Model
    batches: list[int]
    formats: tuple[str, ...]
    kv_formats: tuple[str, ...]
    dtype: str
    tp: int
    context: int
    page: int | None
    ops: tuple[str, ...] | None
    words: tuple[str, ...]
    targets: tuple[str, ...] | None
    own: Path | None
    providers: tuple[str, ...] | None = None
    config: str | Config | None = None
    query_tokens: tuple[int, ...] = (1,)

    def shapes(self) -> Iterable[Workload]:
        """One a batch, weight format, KV format and number of query tokens."""
        for kv_format in self.kv_formats:
            yield from step_shapes(
                self.formats, self.batches, (self.context,), self.tp, self.page, self.query_tokens,
                dtype=self.dtype, kv_format=kv_format,
            )  # fmt: skip

    def wants(self, job: Job) -> bool:
        """Whether a job passes the filters."""
        text = f"{job.build.function} {job.build.variant} {job.build.source}"
        return (self.ops is None or job.op.name in self.ops) and all(w in text for w in self.words)


class IsaWatch(Watch):
    """Is told of what is to be compiled."""

    def planned(
        self, ocloc: Ocloc, targets: Sequence[str], jobs: int, compilations: int, kept: int
    ) -> None:
        """So many configurations of kernels, and compilations for them; some are kept from before.

        A compilation counts as kept where nothing of it has to be counted again either.
        """


@dataclass(frozen=True)
class Compiled:
    """The record, and what it was made of, in the order of the jobs."""

    record: IsaRecord
    results: list[Result]
    interrupted: bool = False
    """By the user: the record is partial, and the same request goes on from there."""


def run(
    request: Request,
    command: str = "ocloc",
    work: str | None = None,
    watch: IsaWatch | None = None,
    asm: Path | None = None,
) -> Compiled:
    """Compile and count what a GPU would execute; listings go into the folder ``asm``.

    ``command`` and ``work`` are as :func:`make_ocloc` takes them. What was compiled and counted
    before is taken from the cache folder.

    Raises UserError where there is nothing to inspect, OutputError where ``asm`` cannot be written.
    """
    watch = watch or IsaWatch()
    own = load_kernels(request.own, watch)
    providers, fused = _named(request, in_order((PROVIDER,), own, Offline.kind))
    ocloc = make_ocloc(command, work)
    targets, left_out = find_targets(ocloc, request.targets)
    cases = [case for s in request.shapes() for case in step_cases(request.model, s, fused)]
    jobs, refused = find_jobs([*cases, CEILING], targets, providers, request.config)
    jobs = [job for job in jobs if request.wants(job)]
    if not jobs:
        raise UserError(_nothing_left(request, refused))
    needed = compilations(jobs)
    there = sum(is_kept(one, ocloc) for one in needed)
    watch.planned(ocloc, [target.name for target in targets], len(jobs), len(needed), there)
    for reason in left_out.values():
        watch.warn(f"left out: {reason}")
    if unchecked := [t.name for t in targets if not all_issue_rates()[t.name].clpeak]:
        watch.say(
            f"issue/memory of {', '.join(unchecked)}: by rates that no measurement has checked"
        )
    without_entry = _without_entry(jobs) if request.config == TUNED else []
    if without_entry:
        rest = len(without_entry) - MOST_NAMED
        more = f"; and {rest} more" if rest > 0 else ""
        named = "; ".join(without_entry[:MOST_NAMED])
        watch.warn(f"no tuned entry, so with the default: {named}{more}")
    results, interrupted = _results(needed, len(jobs), ocloc, watch, asm)
    record = IsaRecord(
        started=now(),
        command=this_command(),
        truetpot=__version__,
        ocloc=OclocRow(command=command, version=ocloc.version),
        model=request.model.name,
        rates={t.name: _rates(all_issue_rates()[t.name]) for t in targets},
        kernels=inspections(results),
        failed=failures(results),
        no_kernel=refused,
        targets_left_out=left_out,
        partial=interrupted,
        configurations=len(jobs),
        compilations=len(needed),
        without_entry=without_entry,
    )
    return Compiled(record, results, interrupted)


def _results(
    needed: Sequence[Compilation], jobs: int, ocloc: Ocloc, watch: Watch, asm: Path | None
) -> tuple[list[Result], bool]:
    """In the order of the jobs, and whether an interrupt left some of them out."""
    found: dict[int, Result] = {}
    interrupted = False
    with watch.bar("compiling") as advance:
        try:
            for place, result in inspected(needed, ocloc, None if asm is None else _into(asm)):
                found[place] = result
                advance(len(found), jobs)
        except KeyboardInterrupt:
            interrupted = True
    return [found[place] for place in sorted(found)], interrupted


def _without_entry(jobs: Iterable[Job]) -> list[str]:
    """Which cases have no tuned entry, each once a target."""
    found: dict[str, bool] = {}
    for job in jobs:
        name = case_of(job.op.name, job.provider, job.target, job.case.label())
        if name not in found:
            device = Offline(known_targets()[job.target])
            found[name] = entry_of(job.kernel, job.case, device) is None
    return [name for name, missing in found.items() if missing]


def _named(request: Request, here: tuple[str, ...]) -> tuple[tuple[str, ...], list[Composite]]:
    """Providers that were asked for, and fused operators that they have.

    Raises UserError for a provider or an operator that there is not.
    """
    for name in request.providers or ():
        if name not in here:
            listing, near = ", ".join(here), meant(name, here)
            raise UserError(f"There is no provider {name!r} here{near}; known are {listing}.")
    providers = request.providers or here
    composites = {one.name: one for one in (*COMPOSITES, *composites_of(providers))}
    known = {**OPERATORS, **composites}
    for name in request.ops or ():
        if name not in known:
            near = meant(name, known)
            raise UserError(f"There is no operator {name!r}{near}; known are {', '.join(known)}.")
    return providers, [one for one in composites.values() if REGISTRY.offers(one.name, providers)]


def _nothing_left(request: Request, refused: Mapping[str, str]) -> str:
    """What to loosen; a configuration that no kernel has is named with one that says so."""
    why = next((reason for reason in refused.values() if "no configuration" in reason), None)
    if why is not None and isinstance(request.config, dict):
        asked = named_config(request.config)
        return f"No kernel has a configuration with --config {asked}; see --config all."
    return "No OpenCL kernel is left: loosen --op, --kernel, --provider or --format."


def make_ocloc(command: str, work: str | None) -> Ocloc:
    """The compiler of ``--ocloc`` and ``--work``. Raises UserError where either is not there."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UserError(f"--ocloc {command!r} is no command: {error}.") from None
    if not words:
        raise UserError("--ocloc is empty; give a command.")
    outside, _, inside = (work or "").partition(":")
    if outside and not Path(outside).is_dir():
        raise UserError(f"There is no folder {outside} for --work; make it first.")
    return Ocloc(words, Path(outside).resolve() if outside else None, inside or None)


def _rates(rates: IssueRates) -> RatesRow:
    measured = {name: list(values) for name, values in rates.clpeak.items()}
    return RatesRow(**asdict(rates) | {"clpeak": measured})


def _into(folder: Path) -> See:
    """Writes each listing into a file of the folder. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror
        raise OutputError(f"Cannot make {folder}: {why}; choose another --asm.") from error

    def see(place: int, job: Job, listing: Listing) -> None:
        name = f"{place:03} {job.target} {job.op.name} {job.build.variant}"
        file = folder / (re.sub(r"[^\w.=-]+", "_", name) + ".asm")
        write_whole(file, f"// {job.case.label()}\n{listing.assembly}", "--asm")

    return see
