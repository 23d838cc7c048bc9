"""``truetpot report``: records as one HTML file, or one of them as a chart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import SvgOption
from truetpot.cli.outputs import check_outputs
from truetpot.errors import UserError

FILE = Path("report.html")


def report(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Records that --json wrote, of any kind."),
    ],
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help=f"Where the report goes; {FILE} if not given."),
    ] = None,
    svg: SvgOption = None,
) -> None:
    """Draw records as one HTML file: charts, tables, findings; nothing is fetched to show it."""
    if html is None and svg is None:
        html = FILE
    check_outputs({"--html": html, "--svg": svg}, files)
    if svg is not None and len(files) > 1:
        raise UserError("--svg draws the chart of one record; give one FILE, or --html alone.")
    from truetpot.files import check_once, write_whole
    from truetpot.records.reading import read_any
    from truetpot.report.html import report as drawn
    from truetpot.report.numbers import count_of
    from truetpot.report.terminal import Terminal
    from truetpot.text import escaped

    check_once(files)
    records = [read_any(file) for file in files]
    terminal = Terminal()
    if html is not None:
        write_whole(html, drawn.html(records, [str(file) for file in files]), "--html")
        terminal.say(f"{count_of(len(records), 'record')} in {html}")
    if svg is not None:
        if (chart := drawn.svg(records[0])) is None:
            raise UserError(f"{escaped(str(files[0]))} has no times to draw; give --html instead.")
        write_whole(svg, chart, "--svg")
        terminal.say(f"the chart in {svg}")
