"""``truetpot validate``: is this card, and the host around it, fit to be used?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from truetpot.cli.command import STDOUT, HtmlOption, JsonOption, listed
from truetpot.cli.outputs import check_outputs
from truetpot.cli.together import Only, together
from truetpot.exits import ExitCode
from truetpot.text import one_of

if TYPE_CHECKING:
    from truetpot.cli.validate_show import Outputs
    from truetpot.records.validate import ValidateRecord
    from truetpot.report.terminal import Terminal

LEVELS = ("quick", "medium", "long")


@together(
    Only("judge", frozenset({"strict", "baseline", "make_baseline", "junit", "prometheus", "plot",
                             "html", "json"}), "shows a record, and measures nothing"),
)  # fmt: skip
def validate(
    level: Annotated[
        str, typer.Option("--level", help="quick, medium, long: about 1, 5, 30 minutes a card.")
    ] = "quick",
    device: Annotated[
        str, typer.Option("--device", help="auto, all (cards of the best kind), or xpu:0,xpu:1,...")
    ] = "auto",
    only: Annotated[
        str | None, typer.Option("--only", metavar="TEST,..", help="Of the level's tests.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 where there is a warning.")
    ] = False,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Figures of a machine that you trust.")
    ] = None,
    make_baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the figures of this run as one.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RECORD", help="Go on from a run that was ended.")
    ] = None,
    judge: Annotated[
        Path | None,
        typer.Option(metavar="RECORD", help="Show a record, held to a baseline; nothing is run."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JUnit's XML, for Jenkins and GitLab.")
    ] = None,
    prometheus: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For node exporter's textfile collector.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="The sustained load over time.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="For each measurement at most.")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="Small sizes: to try the command, not a card.")
    ] = False,
    html: HtmlOption = None,
    json: JsonOption = None,
) -> None:
    """Memory, matrix engines, links, collectives and host of a machine, against limits.

    Exits with 0 where all is healthy, 1 below a limit, 2 where something could not run, 3 for a
    warning under --strict.
    """
    from truetpot.cli.validate_show import Outputs, run_and_show
    from truetpot.report.terminal import Terminal
    from truetpot.runs.validate import Request, resumed

    one_of(level, LEVELS, "--level")
    record = json if json is not None or resume is None else str(resume)
    outputs = Outputs(record, junit, prometheus, plot, make_baseline, strict)
    read = [baseline, judge, None if json is None else resume]
    check_outputs(outputs.files() | {"--html": html}, read)
    terminal = Terminal(quiet=json == STDOUT, html=html)
    if judge is not None:
        raise typer.Exit(_judge(judge, baseline, outputs, terminal))
    before = None if resume is None else resumed(resume)
    names = () if only is None else listed(only, "--only")
    request = Request(level, device, names, seconds, small, baseline)
    raise typer.Exit(run_and_show(request, before, outputs, terminal))


def _judge(record: Path, baseline: Path | None, outputs: Outputs, terminal: Terminal) -> int:
    from truetpot.records.store import read_record
    from truetpot.records.validate import ValidateRecord
    from truetpot.runs.validate import WHAT
    from truetpot.validate.baseline import held_to, read_baseline

    found: ValidateRecord = read_record(record, ValidateRecord, WHAT)
    held = found
    if baseline is not None:
        held = held_to(found, read_baseline(baseline), str(baseline))
    outputs.write(held)
    outputs.show(held, terminal)
    return ExitCode(outputs.code(held))
