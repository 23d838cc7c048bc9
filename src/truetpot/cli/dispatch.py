"""``truetpot dispatch``: which of its native kernels ipex-llm really runs, from tables alone."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from truetpot.cli.command import BatchOption, JsonOption
from truetpot.cli.outputs import check_outputs
from truetpot.text import one_of


def dispatch(
    device: Annotated[str, typer.Option(help="A card of the tables.")] = "arc-a770",
    batch: BatchOption = 1,
    format: Annotated[str, typer.Option(help="Weight format, as ipex-llm names it.")] = "sym_int4",
    n: Annotated[int, typer.Option(min=1, help="Outputs of the linear layer.")] = 55296,
    k: Annotated[int, typer.Option(min=1, help="Inputs of the linear layer.")] = 5120,
    dtype: Annotated[str, typer.Option(help="Activations: fp16, fp32, bf16.")] = "fp16",
    json: JsonOption = None,
) -> None:
    """Which native function ipex-llm runs for a linear layer on an Intel GPU, and by which rule."""
    check_outputs({"--json": json})
    one_of(dtype, ("fp16", "fp32", "bf16"), "--dtype")
    from truetpot.facts import ipex_llm

    family = ipex_llm.family(device)
    forced = os.environ.get(ipex_llm.FORCE) == "1"
    chosen = ipex_llm.choose(family, format, dtype, batch, n, k, forced=forced)
    fused = ipex_llm.fuses_mlp(family, format, batch)
    if json != "-":
        from truetpot.report.terminal import Terminal

        terminal = Terminal()
        terminal.show(f"{chosen.function}  ({device} is {family!r} to ipex-llm)")
        terminal.show(f"  because {chosen.rule}")
        if chosen.inside:
            state = "1" if forced else "not 1"
            forcing = f"{ipex_llm.FORCE} being {state} (2.6.0 ignores it)"
            terminal.show(f"  within it {chosen.inside}, {forcing}")
        if chosen.converts:
            terminal.show(f"  with {chosen.converts}")
        if fused:
            fusion = "gate and up of an MLP go to xe_linear.mlp_forward_xpu instead, SiLU included"
            terminal.show(f"  {fusion}")
    if json is not None:
        from truetpot.records.dispatch import DispatchRecord
        from truetpot.records.opening import command
        from truetpot.records.store import write_record

        found = DispatchRecord(
            command=command(),
            device=device,
            batch=batch,
            format=format,
            n=n,
            k=k,
            dtype=dtype,
            family=family,
            qtype=ipex_llm.qtypes()[format],
            function=chosen.function,
            inside=chosen.inside or None,
            rule=chosen.rule,
            converts=chosen.converts or None,
            forced=forced,
            fused_mlp=fused,
        )
        write_record(found, json)
