"""``truetpot fleet``: many machines by their records of validate and doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import JsonOption
from truetpot.cli.outputs import check_outputs
from truetpot.cli.together import printed, together
from truetpot.exits import ExitCode


@together(printed("every"))
def fleet(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES|DIR", help="Records of validate and doctor, or folders with them."
        ),
    ],
    every: Annotated[
        bool, typer.Option("--all", help="Machines without a fault and all figures, too.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="A line a machine and figure.")
    ] = None,
    json: JsonOption = None,
) -> None:
    """Many machines: verdicts, outliers among equal cards, what differs, what drifted.

    Exits with 1 where a machine failed, or a figure is worse than others' or than it was.
    """
    check_outputs({"--json": json, "--csv": csv}, paths)
    from truetpot.files import write_whole
    from truetpot.fleet.read import read_records
    from truetpot.fleet.summary import fleet_record, is_bad
    from truetpot.fleet.table import as_csv
    from truetpot.records.opening import command
    from truetpot.records.store import write_record
    from truetpot.report.fleet import draw_fleet
    from truetpot.report.terminal import Terminal

    record, values = fleet_record(read_records(paths), command())
    if json != "-":
        Terminal().show(draw_fleet(record, every))
    if json is not None:
        write_record(record, json)
    if csv is not None:
        write_whole(csv, as_csv(record, values), "--csv")
    if is_bad(record):
        raise typer.Exit(ExitCode.INVALID)
