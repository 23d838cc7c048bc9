"""``truetpot floor``: rung ``spec``, from tables alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from truetpot.cli.command import HtmlOption, JsonOption, QueryTokensOption, counts, listed
from truetpot.cli.outputs import check_outputs, of_model
from truetpot.cli.together import Only, together
from truetpot.errors import UserError
from truetpot.text import one_of, shortened

DTYPES = ("fp16", "bf16", "fp32", "int8")


@together(
    Only("published", frozenset({"html", "json"}), "has the cards and models of the figures"),
)
def floor(
    model: Annotated[
        str, typer.Option(help="A known model, or a folder with a config.json.")
    ] = "qwq-32b",
    device: Annotated[
        str, typer.Option(help="A card of the tables; several, by commas, get a row each.")
    ] = "arc-a770",
    tp: Annotated[int, typer.Option(help="Tensor-parallel degree: cards that share.")] = 1,
    format: Annotated[str, typer.Option(help="Weight format.")] = "sym_int4",
    kv_format: Annotated[str, typer.Option(help="KV cache format.")] = "fp16",
    dtype: Annotated[
        str, typer.Option(help="Activations: fp16, bf16; int8 where they may be quantised so far.")
    ] = "fp16",
    lm_head_format: Annotated[
        str | None, typer.Option(help="Format of lm_head; the other weights' if not given.")
    ] = None,
    context: Annotated[
        str,
        typer.Option(
            metavar="N[:END],..",
            help="Tokens in the cache; a range is a request that starts at N and ends at END. "
            "Several, by commas, get a row each.",
        ),
    ] = "1024",
    batch: Annotated[
        str, typer.Option(help="Sequences decoded at once; several, by commas, get a row each.")
    ] = "1",
    query_tokens: QueryTokensOption = 1,
    collective_us: Annotated[
        float | None,
        typer.Option(help="Microseconds of a collective; a published latency if not given."),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Published figures beside their floors.")
    ] = False,
    html: HtmlOption = None,
    json: JsonOption = None,
) -> None:
    """The least time of a decoded token: bytes or operations, whichever takes a card longer."""
    check_outputs({"--json": json, "--html": html}, of_model(model))
    if published:
        raise typer.Exit(_published(json, html))
    from truetpot.facts.floor import bound_of
    from truetpot.facts.hardware import load_hardware
    from truetpot.facts.models import load_model
    from truetpot.facts.workload import Workload
    from truetpot.records.floor import FloorRecord, FloorsRecord
    from truetpot.records.opening import command
    from truetpot.records.store import write_record
    from truetpot.report.floor import draw_floor, draw_floors
    from truetpot.report.terminal import Terminal

    one_of(dtype, DTYPES, "--dtype")
    if collective_us is not None and tp == 1:
        raise UserError("--collective-us is of cards that share a model: give --tp 2 or more.")
    spans = [_span(part) for part in listed(context, "--context")]
    sizes = counts(batch, "--batch", 1)
    known_model = load_model(model)
    cards = [load_hardware(name) for name in listed(device, "--device")]
    plain = Workload(
        context=0,
        format=format,
        kv_format=kv_format,
        dtype=dtype,
        query_tokens=query_tokens,
        tp=tp,
        lm_head_format=lm_head_format,
    )
    found = [
        bound_of(known_model, card, replace(plain, context=start, batch=size), end, collective_us)
        for card, size, (start, end) in product(cards, sizes, spans)
    ]
    terminal = Terminal(quiet=json == "-", html=html)
    terminal.show(draw_floor(*found[0]) if len(found) == 1 else draw_floors(found))
    records = [FloorRecord.of(bound, command(), span) for bound, span in found]
    record = records[0] if len(found) == 1 else FloorsRecord(command=command(), floors=records)
    if json is not None:
        write_record(record, json)
    terminal.draw(record)


def _published(json: str | None, html: Path | None) -> int:
    """Exit code: 1 if a figure claims the impossible."""
    from truetpot.facts.published import comparisons
    from truetpot.records.opening import command
    from truetpot.records.published import PublishedRecord
    from truetpot.records.store import write_record
    from truetpot.report.floor import draw_published
    from truetpot.report.terminal import Terminal

    found = comparisons()
    terminal = Terminal(quiet=json == "-", html=html)
    terminal.show(draw_published(found))
    record = PublishedRecord.of(found, command())
    if json is not None:
        write_record(record, json)
    terminal.draw(record)
    return int(any(c.impossible for c in found))


def _span(text: str) -> tuple[int, int | None]:
    """``1024`` or ``1024:5120``."""
    first, colon, last = text.partition(":")
    try:
        return int(first), int(last) if colon else None
    except ValueError:
        raise UserError(
            f"--context {shortened(text)!r} is neither a number of tokens nor a range such as "
            "1024:5120."
        ) from None
