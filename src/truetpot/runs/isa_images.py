"""The run behind ``truetpot isa FILE...``: device images of other people's packages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from truetpot import __version__
from truetpot.decode.cases import StepCase, step_cases
from truetpot.errors import UserError
from truetpot.files import check_once
from truetpot.isa.images.inspection import Shape
from truetpot.isa.images.survey import Surveyed, Wish, survey_package
from truetpot.isa.jobs import PROVIDER, find_jobs
from truetpot.isa.ocloc import Ocloc
from truetpot.isa.survey import find_targets, inspections, survey
from truetpot.records.images import ImagesRecord, PackageRow
from truetpot.records.isa import Inspection, OclocRow
from truetpot.records.opening import command as this_command
from truetpot.records.opening import now
from truetpot.runs.isa import Request, make_ocloc
from truetpot.runs.setting import load_kernels
from truetpot.runs.watch import NOBODY, Watch
from truetpot.runtime.opencl.target import known_targets
from truetpot.text import meant


def run(
    files: Sequence[Path],
    request: Request,
    command: str = "ocloc",
    work: str | None = None,
    watch: Watch = NOBODY,
) -> ImagesRecord:
    """Every kernel of the files, and ours for the operator that was asked for.

    Raises UserError where no file has an image that may be read, and for one that is named twice.
    """
    check_once(files)
    ocloc = make_ocloc(command, work)
    for name in request.targets or ():
        if name not in known_targets():
            known, near = ", ".join(known_targets()), meant(name, known_targets())
            raise UserError(f"There is no target {name!r}{near}; known are {known}.")
    wish = Wish(request.words, request.targets or ())
    case = _case(request)
    shape = None
    if case is not None:
        shape = Shape(case.op, case.case, request.batches[0])
    done = []
    for file in files:
        with watch.bar(f"reading {file.name}") as advance:
            done.append(survey_package(file, wish, ocloc, shape, advance))
    kernels = [row for one in done for row in one.kernels]
    targets = list(dict.fromkeys(row.target for row in kernels))
    ours = [] if case is None or not targets else _ours(case, targets, request, ocloc, watch)
    return _record(done, kernels, ours, OclocRow(command=command, version=ocloc.version))


def _case(request: Request) -> StepCase | None:
    """Of the operator that was asked for the case with the most bytes; None without ``--op``.

    Raises UserError for several operators or formats: one shape is held against every kernel.
    """
    if request.ops is None:
        return None
    several = (request.ops, request.formats, request.kv_formats, request.query_tokens)
    if any(len(one) != 1 for one in several):
        raise UserError(
            "With a file, name one --op, one --format, one --kv-format and one of --query-tokens."
        )
    cases = [
        one
        for shape in request.shapes()
        for one in step_cases(request.model, shape, ())
        if one.op.name == request.ops[0]
    ]
    if not cases:
        raise UserError(f"The step of {request.model.name} has no operator {request.ops[0]!r}.")
    return max(cases, key=lambda one: one.op.bytes(one.case))


def _ours(
    case: StepCase, targets: Sequence[str], request: Request, ocloc: Ocloc, watch: Watch
) -> list[Inspection]:
    load_kernels(request.own, watch)
    found, _ = find_targets(ocloc, targets)
    jobs, _ = find_jobs([case], found, (PROVIDER,), request.config)
    with watch.bar("compiling ours") as advance:
        return inspections(survey(jobs, ocloc, advance))


def _record(
    done: Sequence[Surveyed],
    kernels: list[Inspection],
    ours: list[Inspection],
    ocloc: OclocRow,
) -> ImagesRecord:
    return ImagesRecord(
        started=now(),
        command=this_command(),
        truetpot=__version__,
        ocloc=ocloc,
        packages=[
            PackageRow(file=one.package.name, licence=one.package.licence, kernels=one.names)
            for one in done
        ],
        kernels=kernels,
        ours=ours,
        failed=[failure for one in done for failure in one.failed],
        left_out={name: why for one in done for name, why in one.left_out.items()},
    )
