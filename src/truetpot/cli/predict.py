"""``truetpot predict``: a step on a card that one does not have, from others' kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import BatchesOption, JsonOption
from truetpot.cli.outputs import check_outputs, of_model


def predict(
    library: Annotated[
        Path, typer.Option(metavar="DIR", help="Measured kernels: see truetpot library.")
    ],
    model: Annotated[
        str, typer.Option(help="A known model, or a folder with a config.json.")
    ] = "qwq-32b",
    device: Annotated[str, typer.Option(help="A card of the tables.")] = "arc-pro-b60",
    tp: Annotated[int, typer.Option(help="Tensor-parallel degree: cards that share.")] = 1,
    format: Annotated[str, typer.Option(help="Weight format.")] = "fp8",
    kv_format: Annotated[str, typer.Option(help="KV cache format.")] = "fp16",
    dtype: Annotated[str, typer.Option(help="Activations: fp16, bf16.")] = "fp16",
    context: Annotated[int, typer.Option(help="Tokens in the cache.")] = 1024,
    batch: BatchesOption = "1",
    launch_us: Annotated[
        float | None,
        typer.Option(help="Microseconds a launch takes at most; the library's if not given."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """A step's time from kernels that others measured on the card: an interval, term by term."""
    check_outputs({"--json": json}, [library, *of_model(model)])
    from truetpot.cli.command import numbers
    from truetpot.facts.hardware import load_hardware
    from truetpot.facts.models import load_model
    from truetpot.records.opening import command
    from truetpot.records.store import write_record
    from truetpot.report.predict import draw_prediction
    from truetpot.report.terminal import Terminal
    from truetpot.stack.library.read import read_library
    from truetpot.stack.predict.operators import Point
    from truetpot.stack.predict.record import predict_record

    batches, card = numbers(batch, "--batch"), load_hardware(device)
    point = Point(load_model(model), tp, format, kv_format, dtype, context, batches[0])
    record = predict_record(
        point, batches, card, read_library(library), str(library), launch_us, command()
    )
    if json != "-":
        Terminal().show(draw_prediction(record))
    if json is not None:
        write_record(record, json)
