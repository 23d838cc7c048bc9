"""Machine code in tables: a line a kernel, its instructions, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from truetpot.isa.difference import Change
from truetpot.isa.inspection import MARGIN
from truetpot.records.isa import Counts, Inspection
from truetpot.report.numbers import digits
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words

_COLUMNS = (
    name("target", least=8),
    number("simd", least=4),
    number("grf", least=4),
    number("spill", least=6),
    number("slm", least=6),
    number("dpas", least=4),
    number("load B", least=6),
    number("run B", least=5),
    number("ops/w", least=6),
    number("issue/memory", least=12),
    prose(),
)


def draw_kernels(found: Sequence[Inspection], instructions: bool) -> RenderableType:
    """A head, then a line for each kernel and target; kernels of one operator together."""
    parts: list[RenderableType] = [Table(*_COLUMNS)]
    for title in dict.fromkeys(map(_title, found)):
        same = [one for one in found if _title(one) == title]
        op, provider, kernel, variant, case = title
        parts.append(words((f"{op} {kernel}", "bold"), f"  {provider}: {variant}; {case}"))
        table = Table(*_COLUMNS, head=False)
        for one in same:
            table.row(one.target, *_cells(one), words(one.verdict, style=_style(one)))
        parts.append(table)
        if instructions:
            parts += [line for one in same for line in _instructions(one)]
    return Group(*parts)


def draw_changes(changes: Sequence[Change]) -> RenderableType:
    """A line for each kernel that changed."""
    if not changes:
        return words("nothing changed")
    return Group(*(_change(change) for change in changes))


def _title(one: Inspection) -> tuple[str, ...]:
    return one.op, one.provider, one.name, one.variant, one.case


def _cells(one: Inspection) -> tuple[str, ...]:
    return (
        str(one.simd),
        str(one.grf),
        str(one.spill_bytes),
        str(one.slm_bytes),
        "yes" if one.has_dpas else "no",
        "-" if one.weight_load_bytes is None else str(one.weight_load_bytes),
        "-" if one.weight_run_bytes is None else str(one.weight_run_bytes),
        _number(one.lane_ops_per_weight),
        _number(one.issue_over_memory),
    )


def _style(one: Inspection) -> str:
    return "yellow" if (one.issue_over_memory or 0) >= MARGIN else ""


def _instructions(one: Inspection) -> Iterator[Text]:
    yield words(f"   {one.target} kernel: {_counts(one.instructions)}", style="dim")
    if one.where != "kernel":
        yield words(f"   {one.target} inner loop: {_counts(one.hot)}", style="dim")
    for load in one.loads:
        run = "" if f" {load.run_bytes} B" in load.label else f" in runs of {load.run_bytes} B"
        yield words(f"   {one.target} {load.count} x {load.label} of {load.arg}{run}", style="dim")


def _counts(counts: Counts) -> str:
    kinds = ("float", "integer", "math", "dpas", "branch", "sync")
    parts = [f"{getattr(counts, kind)} {kind}" for kind in kinds if getattr(counts, kind)]
    parts += [f"{n} x {label}" for label, n in counts.send.items()]
    return ", ".join(parts)


def _change(change: Change) -> Text:
    target, op, provider, kernel, variant, case = change.key
    fields = ", ".join(
        f"{field} {_value(old)} -> {_value(new)}" for field, (old, new) in change.fields.items()
    )
    title = (f"{target} {op} {kernel}", "bold")
    return words(title, f"  {provider}: {variant}; {case}: {fields or change.what}")


def _value(value: object) -> str:
    return digits(value) if isinstance(value, float) else str(value)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
