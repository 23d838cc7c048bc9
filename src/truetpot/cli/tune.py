"""``truetpot tune``: the best launch parameters for the cases of a decode step, kept for later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.cases import MEMORY, OWN, SHAPE
from truetpot.cli.command import (
    BatchesOption,
    DeviceOption,
    DtypeOption,
    HtmlOption,
    JsonOption,
    KernelsOption,
    KvFormatOption,
    PageOption,
    SeveralQueryTokensOption,
    counts,
    listed,
)
from truetpot.cli.kernels import ALL, CONTEXT, MODEL, named_providers
from truetpot.cli.outputs import check_folder, check_outputs, of_kernels, of_model
from truetpot.cli.together import Apart, Needs, Only, hold, together
from truetpot.errors import UserError
from truetpot.text import one_of

LISTS = frozenset({
    "op", "role", "shape", "format", "model", "tp", "context", "batch", "query_tokens", "dtype",
    "kv_format", "page", "provider", "device", "kernels",
})  # fmt: skip
"""What ``--list`` takes beside it."""


@together(
    *SHAPE,
    MEMORY,
    Only("list", LISTS, "is for people to read, and searches nothing"),
    Needs("layers", ("step",), "is of the step that decides"),
    Apart("step", ("shape",), "times a model's step"),
)
def tune(
    ctx: typer.Context,
    op: Annotated[
        str | None, typer.Option(help="Operators; all of the decode step if not given.")
    ] = None,
    format: Annotated[str, typer.Option(help="Weight formats.")] = "sym_int4",
    model: Annotated[str, typer.Option(help="Whose decode step has the cases.")] = MODEL,
    tp: Annotated[int, typer.Option(min=1, help="Cases of one of so many ranks.")] = 1,
    context: Annotated[
        str, typer.Option(metavar="N,...", help="Tokens in the cache, several.")
    ] = str(CONTEXT),
    batch: BatchesOption = "1",
    query_tokens: SeveralQueryTokensOption = "1",
    dtype: DtypeOption = "auto",
    kv_format: KvFormatOption = "auto",
    page: PageOption = None,
    role: Annotated[
        str | None, typer.Option(metavar="qkv,o,..", help="Only cases of these roles.")
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(metavar="NxK", help="A linear's shape, no model's; n=..,k=..[,m=..]"),
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option(
            help="Whose kernels; numba,torch on cpu, opencl on its own, else triton,torch."
        ),
    ] = None,
    device: DeviceOption = "auto",
    seconds: Annotated[
        float, typer.Option(min=0.05, help="Timing for each case; checks come on top.")
    ] = 30.0,
    budget: Annotated[
        int | None,
        typer.Option(min=1, metavar="TRIALS", help="Trials at most for each case."),
    ] = None,
    strategy: Annotated[
        str, typer.Option(metavar="model|climb|random|all", help="How the next trial is chosen.")
    ] = "model",
    other: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Begin with another device's best 20."),
    ] = None,
    step: Annotated[
        bool, typer.Option("--step", help="Keep only what the whole decode step does not lose by.")
    ] = False,
    layers: Annotated[
        int | None, typer.Option(min=1, help="Of the step that --step times; all if not given.")
    ] = None,
    limit: Annotated[
        float, typer.Option(min=1, help="Seconds after which a trial that hangs is given up.")
    ] = 300.0,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Processes that compile what comes next; 8, or one a core."
        ),
    ] = None,
    t4: Annotated[
        Path | None,
        typer.Option("--t4", metavar="DIR", help="Also write T4 and T1 files for other tuners."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Do not go on from where the last run was interrupted.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of the user's file of this device.")
    ] = None,
    list: Annotated[
        bool, typer.Option("--list", help="Say what there is to tune, and search nothing.")
    ] = False,
    kernels: KernelsOption = None,
    html: HtmlOption = None,
    json: JsonOption = None,
) -> None:
    """Search launch parameters, checked and on cold memory; the best are used from then on."""
    read = [*of_model(model), *of_kernels(kernels), *([] if other is None else [other])]
    tokens = counts(query_tokens, "--query-tokens", 1)
    batches, contexts = counts(batch, "--batch", 1), counts(context, "--context", 0)
    formats = listed(format, "--format")
    if step and max(map(len, (formats, batches, contexts, tokens))) > 1:
        raise UserError(
            "--step times one step: name one --format, --batch, --context and one of "
            "--query-tokens."
        )
    check_outputs({"--json": json, "--html": html, "--out": out}, read)
    check_folder(t4, "--t4", out, "--out")
    from truetpot.cli.screen import Screen
    from truetpot.cli.tune_show import run_and_show
    from truetpot.facts.models import load_model
    from truetpot.ops.tuned import user_file
    from truetpot.report.terminal import Terminal
    from truetpot.report.tune_list import draw_tunable
    from truetpot.runs.kernels import Request
    from truetpot.runs.setting import find_setting
    from truetpot.runs.tune import make_folder
    from truetpot.runs.tune_list import tunable
    from truetpot.runs.tune_search import How
    from truetpot.runtime.host import cores
    from truetpot.tune.ahead import MOST_JOBS
    from truetpot.tune.progress import progress_file
    from truetpot.tune.strategy import STRATEGIES
    from truetpot.tune.transfer import load

    one_of(strategy, tuple(STRATEGIES), "--strategy")
    transfer = None if other is None else load(other)
    terminal = Terminal(quiet=json == "-", html=html)
    screen = Screen(terminal)
    known = load_model(model)
    if provider == ALL and not list:
        raise UserError("--provider all goes with --list; name the providers to tune.")
    providers = named_providers(provider, kernels, screen)
    setting = find_setting(device, providers, kernels, dtype, kv_format, screen)
    shapes = setting.shapes(formats, batches, contexts, tp, page, tokens)
    request = Request(
        known,
        [replace(shape, layers=layers) for shape in shapes],
        setting,
        None if op is None else listed(op, "--op"),
        None if role is None else listed(role, "--role"),
        shape,
        seconds,
        samples=False,
        hot=False,
    )
    if request.of_no_step():  # asked here: a mistake in the cases leaves no folder behind
        hold((OWN,), ctx)
    if list:
        terminal.show(draw_tunable(tunable(request)))
        return
    file = out or make_folder(user_file(setting.device))
    outputs = {"--json": json, "--html": html, "--out": file}
    check_outputs(outputs | {"--out's progress": progress_file(file)}, read)
    most = min(MOST_JOBS, cores() or 1) if jobs is None else jobs
    how = How(strategy, budget, transfer, limit, kernels, again, step, t4, most)
    raise typer.Exit(run_and_show(request, file, how, json, terminal))
