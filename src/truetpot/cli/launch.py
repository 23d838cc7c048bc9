"""``truetpot launch``: one kernel and nothing else, for a profiler."""

from __future__ import annotations

from typing import Annotated

import typer

from truetpot.cli.cases import MEMORY, OWN, SHAPE
from truetpot.cli.command import (
    BatchOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    KernelsOption,
    KvFormatOption,
    PageOption,
    QueryTokensOption,
    listed,
)
from truetpot.cli.kernels import CONTEXT, MODEL
from truetpot.cli.outputs import check_outputs, of_kernels, of_model
from truetpot.cli.together import hold, together


@together(*SHAPE, MEMORY)
def launch(
    ctx: typer.Context,
    op: Annotated[str, typer.Option(help="The operator.")] = "linear",
    role: Annotated[
        str | None, typer.Option(help="Of the case: qkv, o, ..; needed where there are several.")
    ] = None,
    case: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="Of several cases the one with these words, as m=16."),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(metavar="NxK", help="A linear's shape, no model's; n=..,k=..[,m=..]."),
    ] = None,
    format: Annotated[str, typer.Option(help="Weight format.")] = "sym_int4",
    model: Annotated[str, typer.Option(help="Whose decode step has the case.")] = MODEL,
    tp: Annotated[int, typer.Option(min=1, help="The case of one of so many ranks.")] = 1,
    context: Annotated[int, typer.Option(min=0, help="Tokens in the cache.")] = CONTEXT,
    batch: BatchOption = 1,
    query_tokens: QueryTokensOption = 1,
    dtype: DtypeOption = "auto",
    kv_format: KvFormatOption = "auto",
    page: PageOption = None,
    provider: Annotated[
        str | None, typer.Option(help="Whose kernel; the first usual one that has it.")
    ] = None,
    config: Annotated[
        str,
        typer.Option(metavar="default|tuned|name=value,..", help="Its launch parameters."),
    ] = "tuned",
    repeat: Annotated[int, typer.Option(min=1, help="Calls.")] = 1,
    device: DeviceOption = "auto",
    kernels: KernelsOption = None,
    json: JsonOption = None,
) -> None:
    """Run one kernel and nothing else, so that a profiler sees it alone; say what is launched."""
    check_outputs({"--json": json}, [*of_model(model), *of_kernels(kernels)])
    from truetpot.cli.screen import Screen
    from truetpot.facts.models import load_model
    from truetpot.records.store import write_record
    from truetpot.report.launch import draw_launch
    from truetpot.report.terminal import Terminal
    from truetpot.runs.kernels import Request
    from truetpot.runs.launch import run
    from truetpot.runs.setting import find_setting

    terminal = Terminal(quiet=json == "-")
    providers = None if provider is None else listed(provider, "--provider")
    setting = find_setting(device, providers, kernels, dtype, kv_format, Screen(terminal))
    request = Request(
        load_model(model),
        setting.shapes(listed(format, "--format"), (batch,), (context,), tp, page, (query_tokens,)),
        setting,
        (op,),
        None if role is None else (role,),
        shape,
        seconds=0.0,
        samples=False,
        hot=False,
        chosen=provider is not None,
    )
    if request.of_no_step():
        hold((OWN,), ctx)
    words = None if case is None else tuple(case.split())
    record = run(request, config, repeat, Screen(terminal), words)
    terminal.show("", draw_launch(record))
    if json is not None:
        write_record(record, json)
