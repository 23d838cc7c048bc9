"""``truetpot trace``: where the time of somebody's own stack went."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import HtmlOption, JsonOption
from truetpot.cli.outputs import check_outputs, of_model
from truetpot.cli.together import Needs, together
from truetpot.errors import UserError

TP, FORMAT, KV_FORMAT, CONTEXT, BATCH = 1, "bf16", "fp16", 1024, 1
"""Of a step on a card of the tables, where nobody says otherwise."""


@together(
    Needs("model", ("device", "ladder"), "has a floor on a card"),
    Needs("device", ("model", "ladder"), "has a floor for a model"),
    *(
        Needs(one, ("model", "ladder"), "is of the step that a floor is for")
        for one in ("tp", "format", "kv_format", "context", "batch")
    ),
)
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
    tp: Annotated[
        int | None,
        typer.Option(min=1, help=f"Cards that shared the model; {TP} if not given."),
    ] = None,
    format: Annotated[
        str | None, typer.Option(help=f"Weight format that was served; {FORMAT} if not given.")
    ] = None,
    kv_format: Annotated[
        str | None, typer.Option(help=f"KV cache format; {KV_FORMAT} if not given.")
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=0, help=f"Tokens in the cache; {CONTEXT} if not given.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help=f"Sequences decoded at once; {BATCH} if not given.")
    ] = None,
    tokens: Annotated[
        float | None,
        typer.Option(help="Tokens that a step yields to each sequence; more with speculation."),
    ] = None,
    html: HtmlOption = None,
    json: JsonOption = None,
) -> None:
    """Read traces of a stack's own run: its steps, what each kernel is for, where the time went.

    The rung `stack` lies between `step` and `serving`. Beside each role stand the floor of --model
    on --device, or the ceiling and the kernels of a record given by --ladder, which says itself
    what it was measured on and with: other options have to say the same.
    """
    given = () if model is None else of_model(model)
    check_outputs({"--json": json, "--html": html}, [*files, ladder, *given])
    if tokens is not None and not 1 <= tokens <= 1000:
        raise UserError(f"--tokens {tokens:g} is no number of tokens of a step; give 1 to 1000.")
    from truetpot.records.opening import command
    from truetpot.report.terminal import Terminal
    from truetpot.report.trace import draw_trace
    from truetpot.stack.analyse import Given
    from truetpot.stack.command import traced
    from truetpot.stack.yardstick import from_facts, from_ladder

    yardstick = None
    if ladder is not None:
        yardstick = from_ladder(
            ladder, model=model, device=device, tp=tp, format=format, kv_format=kv_format,
            context=context, batch=batch,
        )  # fmt: skip
    elif model is not None and device is not None:
        yardstick = from_facts(
            model, device, tp or TP, format or FORMAT, kv_format or KV_FORMAT,
            CONTEXT if context is None else context, batch or BATCH,
        )  # fmt: skip
    record = traced(files, Given(yardstick, tokens), command())
    terminal = Terminal(quiet=json == "-", html=html)
    terminal.show(*draw_trace(record))
    if json is not None:
        from truetpot.records.store import write_record

        write_record(record, json)
    terminal.draw(record)
    raise typer.Exit(int(not all(run.valid for run in record.runs)))
