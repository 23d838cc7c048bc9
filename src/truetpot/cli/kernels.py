"""``truetpot kernels``: providers beside each other and beside the ceiling, case by case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from truetpot.cli.cases import MEMORY, OF_RANKS, OWN, SHAPE
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
    SvgOption,
    counts,
    listed,
)
from truetpot.cli.outputs import check_outputs, of_kernels, of_model
from truetpot.cli.together import Needs, hold, together
from truetpot.errors import UserError

if TYPE_CHECKING:
    from truetpot.cli.screen import Screen

SMALL_MODEL, SMALL_CONTEXT = "qwen2.5-0.5b", 128
MODEL, CONTEXT = "qwq-32b", 1024
ALL = "all"


@together(
    *SHAPE,
    MEMORY,
    OF_RANKS,
    Needs("samples", ("json",), "is of the record"),
)
def kernels(
    ctx: typer.Context,
    op: Annotated[
        str | None, typer.Option(help="Operators; all of the decode step if not given.")
    ] = None,
    format: Annotated[str, typer.Option(help="Weight formats.")] = "sym_int4",
    model: Annotated[
        str | None, typer.Option(help=f"Whose decode step has the cases; {MODEL} if not given.")
    ] = None,
    tp: Annotated[
        int,
        typer.Option(min=1, help="Cases of one of so many ranks; collectives run on them all."),
    ] = 1,
    context: Annotated[
        str | None,
        typer.Option(
            metavar="N,...", help=f"Tokens in the cache, several; {CONTEXT} if not given."
        ),
    ] = None,
    batch: BatchesOption = "1",
    query_tokens: SeveralQueryTokensOption = "1",
    dtype: DtypeOption = "auto",
    kv_format: KvFormatOption = "auto",
    page: PageOption = None,
    provider: Annotated[
        str | None,
        typer.Option(
            help="Who is compared; numba,torch on cpu, opencl on its own, else triton,torch."
        ),
    ] = None,
    device: DeviceOption = "auto",
    role: Annotated[
        str | None, typer.Option(metavar="qkv,o,..", help="Only cases of these roles.")
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(metavar="NxK", help="A linear's shape, no model's; n=..,k=..[,m=..]"),
    ] = None,
    config: Annotated[
        list[str] | None,
        typer.Option(
            metavar="default|tuned|name=value,..",
            help="Race configurations of one kernel, this one and others: give it several times.",
        ),
    ] = None,
    small: Annotated[
        bool,
        typer.Option("--small", help=f"Does all run? {SMALL_MODEL}, few tokens, from the cache."),
    ] = False,
    seconds: Annotated[float, typer.Option(min=0.05, help="Time for each case.")] = 5.0,
    samples: Annotated[
        bool, typer.Option("--samples", help="Put every sample into the record.")
    ] = False,
    kernels: KernelsOption = None,
    json: JsonOption = None,
    html: HtmlOption = None,
    svg: SvgOption = None,
) -> None:
    """Check kernels, then race them and the read ceiling on the cases of a decode step."""
    outputs = {"--json": json, "--html": html, "--svg": svg}
    check_outputs(outputs, [*of_model(model), *of_kernels(kernels)])
    from truetpot.cli import collectives_show, kernels_show
    from truetpot.cli.ranks import run_ranks
    from truetpot.cli.screen import Screen
    from truetpot.facts.models import load_model
    from truetpot.ops.registry import REGISTRY
    from truetpot.report.terminal import Terminal
    from truetpot.runs import collectives
    from truetpot.runs.collectives import COLLECTIVES
    from truetpot.runs.kernels import Request
    from truetpot.runs.ranks import check_same
    from truetpot.runs.setting import find_setting, load_kernels
    from truetpot.runtime.group import Group

    known = load_model(model or (SMALL_MODEL if small else MODEL))
    ops = None if op is None else listed(op, "--op")
    batches = counts(batch, "--batch", 1)
    if ops is not None and set(ops) & set(COLLECTIVES):
        if not set(ops) <= set(COLLECTIVES):
            raise UserError(f"{' and '.join(COLLECTIVES)} run on several ranks: name no others.")
        if len(batches) > 1:
            raise UserError(f"--op {','.join(ops)} takes one --batch at a time.")

        def on(device: str, group: Group) -> int:
            terminal = Terminal(quiet=json == "-", html=html, svg=svg, mute=group.rank > 0)
            screen = Screen(terminal)
            load_kernels(kernels, screen)
            usual = dict.fromkeys(who for name in ops for who in REGISTRY.offering(name))
            named = provider not in (None, ALL)
            chosen = listed(str(provider), "--provider") if named else tuple(usual)
            setting = find_setting(device, chosen, kernels, dtype, kv_format, screen, group)
            asked = collectives.Request(ops, known, batches[0], setting, small, seconds, samples)
            check_same(group, asked.about())
            return collectives_show.run_and_show(asked, json, terminal)

        raise typer.Exit(run_ranks(None if tp == 1 else tp, device, on))
    if config and provider == ALL:
        raise UserError("--config races the configurations of one kernel; name one --provider.")
    terminal = Terminal(quiet=json == "-", html=html, svg=svg)
    usual = SMALL_CONTEXT if small else CONTEXT
    contexts = (usual,) if context is None else counts(context, "--context", 0)
    screen = Screen(terminal)
    providers = named_providers(provider, kernels, screen)
    setting = find_setting(device, providers, kernels, dtype, kv_format, screen)
    tokens = counts(query_tokens, "--query-tokens", 1)
    request = Request(
        known,
        setting.shapes(listed(format, "--format"), batches, contexts, tp, page, tokens),
        setting,
        ops,
        None if role is None else listed(role, "--role"),
        shape,
        seconds,
        samples,
        small,
        provider == ALL,
        tuple(config or ()),
        provider is not None,
    )
    if request.of_no_step():
        hold((OWN,), ctx)
    raise typer.Exit(kernels_show.run_and_show(request, json, terminal))


def named_providers(
    provider: str | None, kernels: Path | None, screen: Screen
) -> tuple[str, ...] | None:
    """The providers that ``--provider`` names, all there are for ``all``; None without it."""
    from truetpot.ops.registry import REGISTRY
    from truetpot.runs.setting import load_kernels

    if provider != ALL:
        return None if provider is None else listed(provider, "--provider")
    load_kernels(kernels, screen)
    return tuple(REGISTRY.providers())
