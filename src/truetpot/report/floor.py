"""The floor, a term a line, so that it can be checked by hand; published figures beside theirs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding

from truetpot.facts.floor import Floor, FloorRange
from truetpot.facts.formats import format_facts, kv_bytes
from truetpot.facts.models import kv_heads_of_rank
from truetpot.facts.published import Comparison
from truetpot.report.numbers import bar, digits, per, queries, yields
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words

CURVE_LINES = 9


def draw_floor(floor: Floor, span: FloorRange | None = None) -> RenderableType:
    """Terms, bound, what stands beside it, assumptions; the mean and the curve of a range."""
    parts: list[RenderableType] = [*_title(floor), "", _terms(floor)]
    if span is not None:
        parts += ["", *_range(span)]
    parts += ["", words("Assumptions", style="bold")]
    parts += [Padding(words(line), (0, 0, 0, 2)) for line in floor.assumptions]
    return Group(*parts)


def draw_floors(found: Sequence[tuple[Floor, FloorRange | None]]) -> RenderableType:
    """A row for each card, batch and context, with the mean where it begins a range."""
    first = found[0][0]
    step = first.traffic
    about = f": {step.format} weights, {step.kv_format} KV, tp = {step.tp}"
    title = words((first.model.name, "bold"), about + queries(step.query_tokens))
    means = [number("mean ms")] if any(span is not None for _, span in found) else []
    estimates = [number("estimate ms")] if any(one.traffic.idle_experts for one, _ in found) else []
    table = Table(
        name("card"), number("batch"), number("context"), number("bytes"), number("ms"), *means,
        *estimates, name("bound by"), number("GiB a rank"), name("fits"),
    )  # fmt: skip
    for one, span in found:
        of, mean = one.traffic, "-" if span is None else f"{span.mean_ms_per_token:.3f}"
        tokens = f"{of.context}" if span is None else f"{of.context}:{span.end}"
        row = [one.hardware.key, str(of.batch), tokens, f"{of.bound:,}", f"{one.ms_per_token:.3f}"]
        row += [mean] if means else []
        row += [f"{one.estimate_ms:.3f}" if of.idle_experts else "-"] if estimates else []
        row += [one.bound_by, f"{one.resident_gib:.1f}", "yes" if one.fits else "no"]
        table.row(*row, style="" if one.fits else "dim")
    said = (
        f"ms a {per(step.query_tokens)} of each sequence: no step can be faster, by the bytes of "
        "one rank or its operations. One row alone is printed with its terms and assumptions."
    )
    if estimates:
        said += " The estimate, not in the floor, has the experts that a batch is likely to use."
    return Group(title, "", table, "", words(said))


def _title(floor: Floor) -> list[RenderableType]:
    step, card = floor.traffic, floor.hardware
    about = (
        f" on {step.tp} x {card.title}: {step.format} weights, {step.kv_format} KV, "
        f"context {step.context}, batch {step.batch}{queries(step.query_tokens)}"
    )
    how = f"bytes of one rank / {card.bandwidth_gb_s:g} GB/s = ms"
    return [words((floor.model.name, "bold"), about), words(how)]


def _terms(floor: Floor) -> Table:
    step, card = floor.traffic, floor.hardware
    table = Table(name("term"), prose("how"), number("bytes"), number("ms"))

    def add(term: str, how: str, count: int, style: str = "") -> None:
        table.row(term, how, f"{count:,}", f"{card.read_ms(count):.3f}", style=style)

    for row in step.linears:
        shape, facts = row.linear, format_facts(row.format)
        times = f"{shape.count} x " if shape.count > 1 else ""
        how = f"{times}{shape.n} x {shape.k} of {facts.code_bits} bit ({row.format})"
        add(shape.role, how, row.weights * shape.count)
    add("weights", "", step.weights, "bold")
    if step.scales:
        add("scales", _scales(floor), step.scales, "bold")
    add("KV", _kv(floor), step.kv, "bold")
    if floor.operations_ms is not None:
        table.row("bytes", "the sum of these", f"{step.bound:,}", f"{floor.bytes_ms:.3f}")
        rate = f"{step.operations / 1e9:,.1f}e9 / {card.tops(floor.dtype):.4g}e12 a second"
        how = f"{rate} ({floor.dtype} activations)"
        table.row("operations", how, "", f"{floor.operations_ms:.3f}", style="bold")
    ms, how = f"{floor.ms_per_token:.3f}", f"no step can be faster; {floor.bound_by} bound it"
    table.row("floor", how, f"{step.bound:,}", ms, style="bold green")
    if step.idle_experts:
        how, ms = "experts of a batch, an estimate, not in the floor", f"{floor.estimate_ms:.3f}"
        table.row("estimate", how, f"{step.estimate:,.0f}", ms, style="dim")
    cost = floor.collectives
    if step.tp > 1:
        span = "no estimate" if cost.ms is None else f"{cost.ms:.3f}"
        how = f"{cost.count} a step; a model, not in the floor"
        if cost.low_ms is not None and cost.high_ms is not None:
            how += f"; from {cost.low_ms:.3f} to {cost.high_ms:.3f} ms"
        table.row("collectives", how, "", span, style="dim")
    if step.constant_scales:
        stored, ms = f"{step.constant_scales:,}", f"{floor.stored_constant_scales_ms:.3f}"
        how = "stored, the same everywhere; not in the floor"
        table.row("constant scales", how, stored, ms, style="dim")
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
    each = f"{heads} kv heads x {model.head_dim} x {kv_bytes(step.kv_format)} bytes"
    if model.windowed:
        tokens = model.cached_tokens(step.context)
        return f"{step.batch} x {tokens} tokens, summed over the layers, x 2 x {each}"
    return f"{step.batch} x {step.context} tokens x 2 x {model.layers} layers x {each}"


def _range(span: FloorRange) -> list[RenderableType]:
    start = span.start.traffic.context
    tokens = span.start.traffic.query_tokens
    said = (
        f" a token in the mean of the {span.steps} steps that follow the first token, contexts "
        f"{start} to {span.last}: no TPOT of such a request is below it."
    )
    if tokens > 1:
        said = (
            f" a step in the mean over contexts {start} to {span.last}. Where every step yields a "
            f"of {yields(tokens)} a sequence, no TPOT of such a request is below it / a."
        )
    mean = words((f"{span.mean_ms_per_token:.3f} ms", "bold green"), said)
    table = Table(number("context"), number("ms"), name())
    most = max(ms for _, ms in span.curve)
    for context, ms in _thinned(span.curve):
        table.row(str(context), f"{ms:.3f}", bar(ms, most))
    return [mean, "", table]


def _thinned(curve: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    if len(curve) <= CURVE_LINES:
        return list(curve)
    last = len(curve) - 1
    return [curve[last * i // (CURVE_LINES - 1)] for i in range(CURVE_LINES)]


def draw_published(comparisons: Sequence[Comparison]) -> RenderableType:
    """Each figure with its floor and their ratio; why, where it cannot be held against one."""
    figures = map(number, ("ms", "floor", "ratio"))
    columns = (name("figure"), name("cards"), prose("reported"), *figures, name("comparable"))
    table = Table(*columns)
    for found in comparisons:
        entry = found.entry
        style = "bold red" if found.impossible else "" if entry.comparable else "dim"
        table.row(
            entry.id,
            f"{entry.cards} x {entry.hardware}",
            entry.reported,
            digits(entry.ms_per_token),
            "-" if found.floor_ms is None else digits(found.floor_ms),
            "-" if found.ratio is None else digits(found.ratio),
            "IMPOSSIBLE" if found.impossible else "yes" if entry.comparable else "no",
            style=style,
        )
    note = "Times in ms per token. Whatever a source leaves open is read in the figure's favour."
    why = Table(name(), prose())
    for found in comparisons:
        if not found.entry.comparable:
            why.row(found.entry.id, found.entry.reason or "")
    title = words("Why not comparable", style="bold")
    return Group(table, "", title, why, "", words(note))
