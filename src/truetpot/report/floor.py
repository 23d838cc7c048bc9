"""The floor, a term a line, so that it can be checked by hand; published figures beside theirs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from truetpot.facts.floor import Floor, FloorRange
from truetpot.facts.formats import format_facts, kv_bytes
from truetpot.facts.models import kv_heads_of_rank
from truetpot.facts.published import Comparison
from truetpot.report.numbers import bar, digits

CURVE_LINES = 9


def draw_floor(floor: Floor, span: FloorRange | None = None) -> RenderableType:
    """Terms, bound, what stands beside it, assumptions; the mean and the curve of a range."""
    parts: list[RenderableType] = [_title(floor), "", _terms(floor)]
    if span is not None:
        parts += ["", *_range(span)]
    parts += ["", Text("Assumptions", style="bold")]
    parts += [Padding(Text(line), (0, 0, 0, 2)) for line in floor.assumptions]
    return Group(*parts)


def _title(floor: Floor) -> Text:
    step, card = floor.traffic, floor.hardware
    return Text.assemble(
        (f"{floor.model.name}", "bold"),
        f" on {step.tp} x {card.title}: {step.format} weights, {step.kv_format} KV, "
        f"context {step.context}, batch {step.batch}\n",
        f"bytes of one rank / {card.bandwidth_gb_s:g} GB/s = ms",
    )


def _terms(floor: Floor) -> Table:
    step, card = floor.traffic, floor.hardware
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("term")
    table.add_column("how", overflow="fold")
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("ms", justify="right", no_wrap=True)

    def add(term: str, how: str, count: int, style: str = "") -> None:
        table.add_row(term, how, f"{count:,}", f"{card.read_ms(count):.3f}", style=style)

    for row in step.linears:
        shape, facts = row.linear, format_facts(row.format)
        times = f"{shape.count} x " if shape.count > 1 else ""
        how = f"{times}{shape.n} x {shape.k} of {facts.code_bits} bit ({row.format})"
        add(shape.role, how, row.weights * shape.count)
    add("weights", "", step.weights, "bold")
    if step.scales:
        add("scales", _scales(floor), step.scales, "bold")
    add("KV", _kv(floor), step.kv, "bold")
    table.add_section()
    table.add_row(
        "floor", "no step can be faster", f"{step.bound:,}", f"{floor.ms_per_token:.3f}",
        style="bold green", end_section=True,
    )
    cost = floor.collectives
    if step.tp > 1:
        span = "no estimate" if cost.ms is None else f"{cost.ms:.3f}"
        how = f"{cost.count} a step; a model, not in the floor, see below"
        if cost.low_ms is not None and cost.high_ms is not None:
            how += f"; from {cost.low_ms:.3f} to {cost.high_ms:.3f} ms"
        table.add_row("collectives", how, "", span, style="dim")
    if step.constant_scales:
        table.add_row(
            "constant scales", "stored, the same everywhere; not in the floor",
            f"{step.constant_scales:,}", f"{floor.stored_constant_scales_ms:.3f}", style="dim",
        )
    return table


def _scales(floor: Floor) -> str:
    parts = {}
    for row in floor.traffic.linears:
        facts = format_facts(row.format)
        if facts.scale_bytes:
            parts[row.format] = f"{facts.scale_bytes} bytes a block of {facts.block} ({row.format})"
    return ", ".join(parts.values())


def _kv(floor: Floor) -> str:
    step, model = floor.traffic, floor.model
    heads = kv_heads_of_rank(model, step.tp)
    return (
        f"{step.batch} x {step.context} tokens x 2 x {model.layers} layers x {heads} kv heads x "
        f"{model.head_dim} x {kv_bytes(step.kv_format)} bytes"
    )


def _range(span: FloorRange) -> list[RenderableType]:
    start = span.start.traffic.context
    mean = Text.assemble(
        (f"{span.mean_ms_per_token:.3f} ms", "bold green"),
        f" a token in the mean of the {span.steps} steps that follow the first token, contexts "
        f"{start} to {span.end - 2}: no TPOT of such a request is below it.",
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("context", justify="right")
    table.add_column("ms", justify="right")
    table.add_column("")
    most = max(ms for _, ms in span.curve)
    for context, ms in _thinned(span.curve):
        table.add_row(str(context), f"{ms:.3f}", bar(ms, most))
    return [mean, "", table]


def _thinned(curve: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    if len(curve) <= CURVE_LINES:
        return list(curve)
    last = len(curve) - 1
    return [curve[last * i // (CURVE_LINES - 1)] for i in range(CURVE_LINES)]


def draw_published(comparisons: Sequence[Comparison]) -> RenderableType:
    """Each figure with its floor and their ratio; why, where it cannot be held against one."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("figure", no_wrap=True)
    table.add_column("cards", no_wrap=True)
    table.add_column("reported", overflow="fold")
    for name in ("ms", "floor", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("comparable", no_wrap=True)
    for found in comparisons:
        entry = found.entry
        style = "bold red" if found.impossible else "" if entry.comparable else "dim"
        table.add_row(
            entry.id,
            f"{entry.cards} x {entry.hardware}",
            entry.reported,
            digits(entry.ms_per_token),
            "-" if found.floor_ms is None else digits(found.floor_ms),
            "-" if found.ratio is None else digits(found.ratio),
            "IMPOSSIBLE" if found.impossible else "yes" if entry.comparable else "no",
            style=style,
        )
    note = Text(
        "Times in ms per token. Whatever a source leaves open is read in the figure's favour."
    )
    why = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for found in comparisons:
        if not found.entry.comparable:
            why.add_row(found.entry.id, found.entry.reason)
    return Group(table, "", Text("Why not comparable", style="bold"), why, "", note)
