"""``truetpot trace``: where the time of somebody's own stack went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import HtmlOption, JsonOption
from truetpot.cli.outputs import check_outputs, of_model
from truetpot.errors import UserError


def trace(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="What a profiler wrote of a run; one a rank."),
    ],
    ladder: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A record of truetpot decode --json, as the yardstick."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A known model, or a folder with a config.json.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="A card of the tables: arc-a770.")] = None,
    tp: Annotated[int, typer.Option(min=1, help="Cards that shared the model.")] = 1,
    format: Annotated[str, typer.Option(help="Weight format that was served.")] = "bf16",
    kv_format: Annotated[str, typer.Option(help="KV cache format.")] = "fp16",
    context: Annotated[int, typer.Option(min=0, help="Tokens in the cache.")] = 1024,
    batch: Annotated[int, typer.Option(min=1, help="Sequences decoded at once.")] = 1,
    tokens: Annotated[
        float | None,
        typer.Option(help="Tokens that a step yields to each sequence; more with speculation."),
    ] = None,
    html: HtmlOption = None,
    json: JsonOption = None,
) -> None:
    """Read traces of a stack's own run: its steps, what each kernel is for, where the time went.

    The rung `stack` lies between `step` and `serving`. Beside each role stand the floor of --model
    on --device, or the ceiling and the kernels of a record given by --ladder.
    """
    given = () if model is None else of_model(model)
    check_outputs({"--json": json, "--html": html}, [*files, ladder, *given])
    if tokens is not None and not 1 <= tokens <= 1000:
        raise UserError(f"--tokens {tokens:g} is no number of tokens of a step; give 1 to 1000.")
    if ladder is not None and (model is not None or device is not None):
        raise UserError("--ladder names model and card already; leave --model and --device out.")
    if (model is None) != (device is None):
        raise UserError("--model and --device go together; give both, or --ladder.")
    from truetpot.records.opening import command
    from truetpot.report.terminal import Terminal
    from truetpot.report.trace import draw_trace
    from truetpot.stack.analyse import Given
    from truetpot.stack.command import traced
    from truetpot.stack.yardstick import from_facts, from_ladder

    yardstick = None
    if ladder is not None:
        yardstick = from_ladder(ladder)
    elif model is not None and device is not None:
        yardstick = from_facts(model, device, tp, format, kv_format, context, batch)
    record = traced(files, Given(yardstick, tokens), command())
    terminal = Terminal(quiet=json == "-", html=html)
    terminal.show(*draw_trace(record))
    if json is not None:
        from truetpot.records.store import write_record

        write_record(record, json)
    terminal.draw(record)
    raise typer.Exit(int(not all(run.valid for run in record.runs)))
