"""``truetpot check``: what a serving benchmark's result is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import HtmlOption, JsonOption
from truetpot.cli.outputs import check_outputs, of_model
from truetpot.text import one_of

FAIL_ON = ("info", "warning", "error", "never")


def check(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|FOLDER...", help="What serving benchmarks wrote."),
    ],
    model: Annotated[
        str | None, typer.Option(help="A known model, or a folder with a config.json.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="A card of the tables: arc-a770.")] = None,
    tp: Annotated[int | None, typer.Option(min=1, help="Cards that shared the model.")] = None,
    format: Annotated[str | None, typer.Option(help="Weight format that was served.")] = None,
    kv_format: Annotated[str | None, typer.Option(help="KV cache format.")] = None,
    ladder: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A record of truetpot decode --json, as the yardstick."),
    ] = None,
    output_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Output tokens asked for, where the file does not say."),
    ] = None,
    without_speculation: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="The same run without speculative decoding, beside which the others are put.",
        ),
    ] = None,
    fail_on: Annotated[
        str, typer.Option(help="Exit with 1 from this severity on: info, warning, error, never.")
    ] = "error",
    html: HtmlOption = None,
    json: JsonOption = None,
) -> None:
    """Read serving results, recompute their time per token, and name what is wrong with it.

    Several files, or a folder, give a table with one row a run, the farthest from its floor first.
    Model, card, number of cards and formats that are not given are the file's, where it has them.
    Of a run with speculative decoding and the same one without, it says which is faster, and where.
    """
    inputs = [*results, without_speculation, ladder, *of_model(model)]
    check_outputs({"--json": json, "--html": html}, inputs)
    one_of(fail_on, FAIL_ON, "--fail-on")
    from truetpot.cli.check_show import show
    from truetpot.records.store import write_record
    from truetpot.report.terminal import Terminal
    from truetpot.runs.check import run
    from truetpot.serving.chosen import Flags

    flags = Flags(model, device, tp, format, kv_format)
    found = run(results, flags, ladder, output_tokens, without_speculation)
    terminal = Terminal(quiet=json == "-", html=html)
    show(terminal, found)
    if json is not None or html is not None:
        record = found.record()
        if json is not None:
            write_record(record, json)
        terminal.draw(record)
    failed = fail_on != "never" and (found.impossible() or found.severe(fail_on))
    raise typer.Exit(int(failed))
