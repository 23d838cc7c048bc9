"""``truetpot isa``: the machine code of the OpenCL kernels, without a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import (
    BatchesOption,
    HtmlOption,
    JsonOption,
    KernelsOption,
    PageOption,
    SeveralQueryTokensOption,
    counts,
    listed,
)
from truetpot.cli.kernels import MODEL
from truetpot.cli.outputs import check_folder, check_outputs, of_kernels, of_model
from truetpot.cli.together import Apart, Only, printed, together

CONTEXT = 4096
KV_FORMATS, KV_FORMAT = "fp16,fp8_e5m2", "fp16"
FORMATS = "sym_int4,woq_int4,fp8_e5m2,sym_int8,fp16"

OF_IMAGES = frozenset({
    "op", "kernel", "target", "ocloc", "work", "instructions", "strict", "html", "json",
})  # fmt: skip
"""What FILE takes beside it, where no operator is held against it."""


@together(
    Apart("files", ("diff", "asm", "provider"), "has kernels of others"),
    Apart("diff", ("instructions",), "shows what changed"),
    Only("files", OF_IMAGES, "has its own kernels; only with --op ours stand beside them",
         unless="op"),
    printed("instructions"),
)  # fmt: skip
def isa(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Wheels, libraries or device images of others, instead of the kernels here.",
        ),
    ] = None,
    op: Annotated[
        str | None, typer.Option(help="Operators; all of the decode step if not given.")
    ] = None,
    kernel: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="Only kernels with these words in name or variant."),
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="Whose kernels; opencl and your own if not given.")
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="all|tuned|name=..,..", help="Launch parameters; the default if not given."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="acm-g10,bmg-g21,...; all that ocloc knows if not given."),
    ] = None,
    format: Annotated[str, typer.Option(help="Weight formats.")] = FORMATS,
    kv_format: Annotated[
        str | None,
        typer.Option(
            "--kv-format", help=f"KV formats; {KV_FORMATS} if not given, with a FILE {KV_FORMAT}."
        ),
    ] = None,
    dtype: Annotated[str, typer.Option(help="Activations: fp16, fp32.")] = "fp16",
    batch: BatchesOption = "1,8",
    query_tokens: SeveralQueryTokensOption = "1",
    model: Annotated[str, typer.Option(help="Whose decode step has the cases.")] = MODEL,
    tp: Annotated[int, typer.Option(min=1, help="Cases of one of so many ranks.")] = 1,
    context: Annotated[int, typer.Option(min=0, help="Tokens in the cache.")] = CONTEXT,
    page: PageOption = None,
    ocloc: Annotated[
        str, typer.Option(metavar="COMMAND", help="The offline compiler, with words before it.")
    ] = "ocloc",
    work: Annotated[
        str | None,
        typer.Option(
            metavar="DIR[:INSIDE]",
            help="Where files are exchanged with it, and the path it sees them under.",
        ),
    ] = None,
    instructions: Annotated[
        bool, typer.Option("--instructions", help="Instructions by class, and every load.")
    ] = False,
    asm: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the disassembly there.")
    ] = None,
    diff: Annotated[
        Path | None, typer.Option(metavar="OLD.json", help="What changed since this record.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 where a kernel has a fault.")
    ] = False,
    kernels: KernelsOption = None,
    html: HtmlOption = None,
    json: JsonOption = None,
) -> None:
    """Compile the OpenCL kernels offline and count what a GPU would execute."""
    read = [diff, *of_model(model), *of_kernels(kernels), *(files or ())]
    check_outputs({"--json": json, "--html": html}, read)
    check_folder(asm, "--asm", json, "--json")
    from truetpot.cli.command import numbers
    from truetpot.cli.isa_show import run_and_show, run_images_and_show
    from truetpot.facts.models import load_model
    from truetpot.isa.configs import read_config
    from truetpot.report.terminal import Terminal
    from truetpot.runs.isa import Request

    request = Request(
        model=load_model(model),
        batches=numbers(batch, "--batch"),
        formats=listed(format, "--format"),
        kv_formats=listed(kv_format or (KV_FORMAT if files else KV_FORMATS), "--kv-format"),
        dtype=dtype,
        tp=tp,
        context=context,
        page=page,
        ops=None if op is None else listed(op, "--op"),
        words=tuple((kernel or "").split()),
        targets=None if target is None else listed(target, "--target"),
        own=kernels,
        query_tokens=counts(query_tokens, "--query-tokens", 1),
        providers=None if provider is None else listed(provider, "--provider"),
        config=read_config(config),
    )
    terminal = Terminal(quiet=json == "-", html=html)
    if files:
        raise typer.Exit(
            run_images_and_show(files, request, ocloc, work, instructions, strict, json, terminal)
        )
    raise typer.Exit(
        run_and_show(request, ocloc, work, instructions, strict, asm, diff, json, terminal)
    )
