"""Machine code in tables: a line a kernel, its instructions, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from truetpot.isa.difference import Change
from truetpot.isa.inspection import MARGIN
from truetpot.records.isa import Counts, Inspection
from truetpot.report.numbers import digits

_COLUMNS = (
    ("simd", 4),
    ("grf", 4),
    ("spill", 6),
    ("slm", 6),
    ("dpas", 4),
    ("load B", 6),
    ("run B", 5),
    ("ops/w", 6),
    ("issue/memory", 12),
)


def draw_kernels(found: Sequence[Inspection], instructions: bool) -> RenderableType:
    """A head, then a line for each kernel and target; kernels of one operator together."""
    head = _table()
    head.add_row("target", *(name for name, _ in _COLUMNS), "", style="bold")
    parts: list[RenderableType] = [head]
    for title in dict.fromkeys(map(_title, found)):
        same = [one for one in found if _title(one) == title]
        op, provider, name, variant, case = title
        parts.append(Text.assemble((f"{op} {name}", "bold"), f"  {provider}: {variant}; {case}"))
        table = _table()
        for one in same:
            table.add_row(one.target, *_cells(one), Text(one.verdict, style=_style(one)))
        parts.append(table)
        if instructions:
            parts += [line for one in same for line in _instructions(one)]
    return Group(*parts)


def draw_changes(changes: Sequence[Change]) -> RenderableType:
    """A line for each kernel that changed."""
    if not changes:
        return Text("nothing changed")
    return Group(*(_change(change) for change in changes))


def _title(one: Inspection) -> tuple[str, ...]:
    return one.op, one.provider, one.name, one.variant, one.case


def _table() -> Table:
    """Columns of fixed width, so that one kernel lines up with the next."""
    table = Table(box=None, padding=(0, 1, 0, 1), show_header=False)
    table.add_column(width=8, no_wrap=True)
    for _, width in _COLUMNS:
        table.add_column(width=width, justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    return table


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
    yield Text(f"   {one.target} kernel: {_counts(one.instructions)}", style="dim")
    if one.where != "kernel":
        yield Text(f"   {one.target} inner loop: {_counts(one.hot)}", style="dim")
    for load in one.loads:
        run = "" if f" {load.run_bytes} B" in load.label else f" in runs of {load.run_bytes} B"
        yield Text(f"   {one.target} {load.count} x {load.label} of {load.arg}{run}", style="dim")


def _counts(counts: Counts) -> str:
    kinds = ("float", "integer", "math", "dpas", "branch", "sync")
    parts = [f"{getattr(counts, kind)} {kind}" for kind in kinds if getattr(counts, kind)]
    parts += [f"{n} x {label}" for label, n in counts.send.items()]
    return ", ".join(parts)


def _change(change: Change) -> Text:
    target, op, provider, name, variant, case = change.key
    fields = ", ".join(
        f"{field} {_value(old)} -> {_value(new)}" for field, (old, new) in change.fields.items()
    )
    title = (f"{target} {op} {name}", "bold")
    return Text.assemble(title, f"  {provider}: {variant}; {case}: {fields or change.what}")


def _value(value: object) -> str:
    return digits(value) if isinstance(value, float) else str(value)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
