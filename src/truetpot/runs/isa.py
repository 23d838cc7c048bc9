"""The run behind ``truetpot isa``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from truetpot import __version__
from truetpot.decode.cases import step_cases
from truetpot.decode.preference import composites_of
from truetpot.errors import OutputError, UserError
from truetpot.exits import ExitCode
from truetpot.facts.issue_rates import IssueRates, all_issue_rates
from truetpot.facts.models import Model
from truetpot.facts.workload import Workload
from truetpot.files import write_whole
from truetpot.isa.configs import named_config
from truetpot.isa.difference import compare, read_old
from truetpot.isa.jobs import CEILING, PROVIDER, Job, find_jobs
from truetpot.isa.launch import Offline
from truetpot.isa.ocloc import Ocloc
from truetpot.isa.survey import Result, failures, find_targets, inspections, survey
from truetpot.ops import COMPOSITES, OPERATORS
from truetpot.ops.registry import REGISTRY, Config
from truetpot.records.isa import IsaRecord, OclocRow, RatesRow
from truetpot.records.opening import command as this_command
from truetpot.records.opening import now
from truetpot.records.store import write_record
from truetpot.report.isa import draw_changes, draw_kernels
from truetpot.report.numbers import count_of
from truetpot.report.terminal import Terminal
from truetpot.runs.setting import in_order, load_kernels, step_shapes
from truetpot.text import meant


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
        for batch, kv_format in product(self.batches, self.kv_formats):
            yield from step_shapes(
                self.formats, batch, self.context, self.tp, self.page, self.query_tokens,
                dtype=self.dtype, kv_format=kv_format,
            )  # fmt: skip

    def wants(self, job: Job) -> bool:
        """Whether a job passes the filters."""
        text = f"{job.build.function} {job.build.variant} {job.build.source}"
        return (self.ops is None or job.op.name in self.ops) and all(w in text for w in self.words)


def run(
    request: Request,
    command: str,
    work: str | None,
    instructions: bool,
    strict: bool,
    asm: Path | None,
    diff: Path | None,
    json: str | None,
    terminal: Terminal,
) -> int:
    """The exit code. Raises UserError where there is nothing to inspect."""
    own = load_kernels(terminal, request.own)
    providers = in_order((PROVIDER,), own, Offline.kind)
    for name in request.providers or ():
        if name not in providers:
            listing, near = ", ".join(providers), meant(name, providers)
            raise UserError(f"There is no provider {name!r} here{near}; known are {listing}.")
    providers = request.providers or providers
    composites = {one.name: one for one in (*COMPOSITES, *composites_of(providers))}
    known = {**OPERATORS, **composites}
    for name in request.ops or ():
        if name not in known:
            near = meant(name, known)
            raise UserError(f"There is no operator {name!r}{near}; known are {', '.join(known)}.")
    old = None if diff is None else read_old(diff)
    ocloc = make_ocloc(command, work)
    targets, left_out = find_targets(ocloc, request.targets)
    fused = [one for one in composites.values() if REGISTRY.offers(one.name, providers)]
    cases = [case for s in request.shapes() for case in step_cases(request.model, s, fused)]
    jobs, refused = find_jobs([*cases, CEILING], targets, providers, request.config)
    jobs = [job for job in jobs if request.wants(job)]
    if not jobs:
        raise UserError(_nothing_left(request, refused))
    names = ", ".join(target.name for target in targets)
    terminal.say(f"ocloc {ocloc.version} for {names}; {count_of(len(jobs), 'compilation')}")
    for reason in left_out.values():
        terminal.say(f"left out: {reason}", "yellow")
    if unchecked := [t.name for t in targets if not all_issue_rates()[t.name].clpeak]:
        terminal.say(
            f"issue/memory of {', '.join(unchecked)}: by rates that no measurement has checked"
        )
    with terminal.bar("compiling") as advance:
        results = survey(jobs, ocloc, advance)
    found, failed = inspections(results), failures(results)
    if old is None:
        terminal.show(draw_kernels(found, instructions))
    else:
        terminal.show(draw_changes(compare(old, found)))
    if refused and not request.words:
        terminal.status(f"{count_of(len(refused), 'case')} without a kernel, in the record")
    for one in failed:
        terminal.say(
            f"{one.target}: {one.op} {one.name} ({one.variant}) does not compile: {one.reason}",
            "bold red",
        )
    written = IsaRecord(
        started=now(),
        command=this_command(),
        truetpot=__version__,
        ocloc=OclocRow(command=command, version=ocloc.version),
        model=request.model.name,
        rates={t.name: _rates(all_issue_rates()[t.name]) for t in targets},
        kernels=found,
        failed=failed,
        no_kernel=refused,
        targets_left_out=left_out,
    )
    if json is not None:
        write_record(written, json)
    terminal.draw(written)
    if asm is not None:
        _write_assembly(results, asm)
    faulty = sum(bool(one.faults) for one in found)
    if faulty:
        terminal.say(f"{count_of(faulty, 'kernel')} with faults", "bold red")
    return ExitCode.INVALID if failed or (strict and faulty) else ExitCode.OK


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


def _write_assembly(results: Iterable[Result], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for i, result in enumerate(results):
            if result.listing is not None:
                build = result.job.build
                name = f"{i:03} {result.job.target} {result.job.op.name} {build.variant}"
                file = folder / (re.sub(r"[^\w.=-]+", "_", name) + ".asm")
                text = f"// {result.job.case.label()}\n{result.listing.assembly}"
                write_whole(file, text, "--asm")
    except OSError as error:
        why = error.strerror
        raise OutputError(f"Cannot make {folder}: {why}; choose another --asm.") from error
