"""``truetpot decode``: the main job, one whole decode step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import (
    BatchesOption,
    DeviceOption,
    DtypeOption,
    HtmlOption,
    JsonOption,
    KernelsOption,
    KvFormatOption,
    PageOption,
    QueryTokensOption,
    SvgOption,
    counts,
    listed,
    numbers,
)
from truetpot.cli.outputs import check_outputs, of_kernels, of_model
from truetpot.cli.together import Apart, Needs, Only, together
from truetpot.errors import UserError
from truetpot.files import expanded

MODEL = "qwq-32b"

FEEDS = frozenset({
    "model", "weights", "seed", "device", "format", "query_tokens", "dtype", "kv_format", "page",
    "provider", "tp", "save_logits", "kernels", "json",
})  # fmt: skip
"""What ``--tokens`` takes beside it."""


@together(
    Only("tokens", FEEDS, "feeds one sequence from an empty cache through all layers, and times "
         "nothing"),
    Needs("save_logits", ("tokens",), "is of logits, which no timing has"),
    Apart("weights", ("model",), "has a config.json that says which model it is"),
    Apart("weights", ("seed",), "has weights, and a seed is of random ones"),
    Needs("resume", ("json",), "goes on with the record in a file"),
    Apart("shard", ("tp",), "is one rank's share alone, and --tp is all ranks together"),
)  # fmt: skip
def decode(
    model: Annotated[
        str | None,
        typer.Option(help=f"A known model, or a folder with a config.json; {MODEL} if not given."),
    ] = None,
    device: DeviceOption = "auto",
    format: Annotated[str, typer.Option(help="Weight format.")] = "sym_int4",
    context: Annotated[
        str,
        typer.Option(metavar="N,...", help="Tokens in the cache when the step starts; several."),
    ] = "1024",
    batch: BatchesOption = "1",
    query_tokens: QueryTokensOption = 1,
    dtype: DtypeOption = "auto",
    kv_format: KvFormatOption = "auto",
    page: PageOption = None,
    provider: Annotated[
        str | None,
        typer.Option(
            help="In order of preference; numba,torch on cpu, opencl on its own, else triton,torch."
        ),
    ] = None,
    tp: Annotated[
        int | None,
        typer.Option(min=1, help="Tensor-parallel ranks, a device each, started here."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="R/N", help="Rank R's share of N tensor-parallel ranks, alone."),
    ] = None,
    layers: Annotated[
        int | None, typer.Option(min=1, help="Measure so many layers and extrapolate.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A Hugging Face safetensors folder; else random weights."),
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option(metavar="5,17,3", help="Feed these tokens instead of timing."),
    ] = None,
    save_logits: Annotated[
        Path | None, typer.Option(metavar="FILE.npy", help="Where the logits of --tokens go.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random weights.")] = 0,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="Time for timing; a few rounds are taken in any case.")
    ] = 60.0,
    request: Annotated[
        str | None,
        typer.Option(
            metavar="IN+OUT",
            help="Of several contexts: the mean over a request's steps, such as 1024+4096.",
        ),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json.gz", help="A trace of some steps, for truetpot trace; xpu and cuda."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the points that --json FILE lacks.")
    ] = False,
    kernels: KernelsOption = None,
    json: JsonOption = None,
    html: HtmlOption = None,
    svg: SvgOption = None,
) -> None:
    """Time one whole decode step and each of its kernels, beside the ceilings.

    Several contexts or batches are a sweep on one set of weights.
    """
    outputs = {"--json": json, "--html": html, "--svg": svg, "--trace": trace}
    read = [*of_model(model), *of_model(weights), *of_kernels(kernels)]
    check_outputs(outputs | {"--save-logits": save_logits}, read)
    from truetpot.runs.sweep_points import find_points, means_need_points

    contexts, batches = counts(context, "--context", 0), counts(batch, "--batch", 1)
    points = find_points(contexts, batches, request)
    means_need_points(points, request, resume)
    if trace is not None and not points.single:
        raise UserError("--trace is of one point: no list of --context or --batch.")
    providers = None if provider is None else listed(provider, "--provider")
    fed = None if tokens is None else tuple(numbers(tokens, "--tokens"))
    from truetpot.cli import decode_show, sweep_show
    from truetpot.cli.feed import feed
    from truetpot.cli.ranks import run_ranks
    from truetpot.cli.screen import Screen
    from truetpot.facts.models import check_tp, load_model
    from truetpot.facts.workload import Workload
    from truetpot.report.terminal import Terminal
    from truetpot.runs.decode_outcome import Request
    from truetpot.runs.ranks import check_same
    from truetpot.runs.setting import find_setting, weight_format
    from truetpot.runtime.group import ALONE, Group

    known = load_model(_config(weights) if weights is not None else model or MODEL)
    if kernels is None:  # which may bring a format of their own
        check_tp(known, tp or 1, weight_format(format))

    def on(device: str, group: Group) -> int:
        terminal = Terminal(quiet=json == "-", html=html, svg=svg, mute=group.rank > 0)
        screen = Screen(terminal)
        setting = find_setting(device, providers, kernels, dtype, kv_format, screen, group)
        rank, share = (group.rank, group.size) if shard is None else _share(shard)
        shape = Workload(
            context=points.contexts[0] if fed is None else max(0, len(fed) - query_tokens),
            format=weight_format(format),
            kv_format=setting.kv_format,
            dtype=setting.dtype,
            batch=points.batches[0],
            query_tokens=query_tokens,
            tp=share,
            page=page,
            layers=layers,
            collectives=group.size > 1,
        )
        asked = Request(
            known, shape, setting, rank, shard is not None, weights, seed, seconds, fed, trace
        )
        check_same(group, asked.about() | {"points": str((points.contexts, points.batches))})
        if fed is not None:
            feed(asked, fed, save_logits, json, terminal)
            return 0
        if points.single:
            return decode_show.run_and_show(asked, json, terminal)
        return sweep_show.run_and_show(asked, points, json, resume, terminal)

    raise typer.Exit(on(device, ALONE) if shard is not None else run_ranks(tp, device, on))


def _share(text: str) -> tuple[int, int]:
    """``R/N`` as (R, N)."""
    rank, _, ranks = text.partition("/")
    if not (rank.isdecimal() and ranks.isdecimal()) or not int(rank) < int(ranks):
        raise UserError(f"--shard {text!r} is not R/N with R below N, such as 0/4.")
    return int(rank), int(ranks)


def _config(folder: Path) -> Path:
    """The config.json of a checkpoint folder."""
    from truetpot.files import is_folder, shortened_path

    if not is_folder(expanded(folder)):
        shown = shortened_path(folder)
        raise UserError(f"There is no folder {shown} for --weights; give a local checkpoint.")
    return expanded(folder) / "config.json"
