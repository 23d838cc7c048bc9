"""``truetpot library``: kernels that others measured, and whether their times can be true."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import JsonOption
from truetpot.cli.outputs import check_outputs
from truetpot.cli.together import printed, together
from truetpot.exits import ExitCode


@together(printed("beyond"))
def library(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of tables, or one file.")],
    cross_validate: Annotated[
        bool, typer.Option("--cross-validate", help="Also how well a table predicts its own rows.")
    ] = False,
    beyond: Annotated[
        bool, typer.Option("--beyond", help="Every row above the datasheet, not the first ten.")
    ] = False,
    json: JsonOption = None,
) -> None:
    """Kernels that others measured: what physics forbids, launch floors, errors of interpolation.

    Exits with 1 where a row cannot be true.
    """
    check_outputs({"--json": json}, [folder])
    from truetpot.records.opening import command
    from truetpot.records.store import write_record
    from truetpot.report.library import draw_library
    from truetpot.report.terminal import Terminal
    from truetpot.stack.library.read import read_library
    from truetpot.stack.library.summary import library_record

    record = library_record(read_library(folder), command(), cross_validate)
    if json != "-":
        Terminal().show(draw_library(record, beyond))
    if json is not None:
        write_record(record, json)
    if any(not row.may_be_cached for table in record.tables for row in table.beyond):
        raise typer.Exit(ExitCode.INVALID)
