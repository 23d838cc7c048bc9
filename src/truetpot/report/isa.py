"""Machine code in tables: a line a kernel, its instructions, and what changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from truetpot.isa.difference import Change
from truetpot.records.isa import Counts, Inspection, IssueVerdict
from truetpot.report.numbers import digits
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words

_COLUMNS = (
    name("target", least=7),
    number("simd", least=4),
    number("grf", least=3),
    number("spill", least=5),
    number("slm", least=5),
    number("dpas", least=4),
    number("load B", least=6),
    number("run B", least=5),
    number("ops/w", least=5),
    number("threads", least=7),
    number("flight KB", least=9),
    number("of KB", least=5),
    number("issue", least=5),
    number("latency", least=7),
    number("local", least=5),
    prose(),
)
"""KB are 1000 bytes, as a bandwidth's are."""
_NOTED = {
    "spills": "spill", "private": "spill", "narrow": "load B", "overlapping": "run B",
    "latency": "flight KB", "bank": "local", "32-bit": "ops/w", "passes": "issue",
}  # fmt: skip
"""The column that a fault shows in, by its first word."""


def draw_kernels(
    found: Sequence[Inspection], instructions: bool, without_entry: Collection[str] = ()
) -> RenderableType:
    """A head, then a line for each kernel and target; kernels of one operator together.

    Cases in `without_entry` have the default because no tuned entry is kept.
    """
    parts: list[RenderableType] = [Table(*_COLUMNS)]
    for title in dict.fromkeys(map(_title, found)):
        same = [one for one in found if _title(one) == title]
        op, provider, kernel, variant, case = title
        where = f"{provider}: {variant}" + (f"; {case}" if case else "")
        parts.append(words((f"{op} {kernel}", "bold"), f"  {where}"))
        table = Table(*_COLUMNS, head=False)
        for one in same:
            table.row(*_cells(one), words(one.verdict, style=_style(one)))
            if one.named_case in without_entry:
                table.line(words("   the default: it has no tuned entry", style="yellow"))
            for line in _below(one):
                table.line(line)
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
    return one.op, one.provider, one.name, _variant(one), one.case


def _variant(one: Inspection) -> str:
    config = " ".join(f"{name}={value}" for name, value in one.config.items())
    return one.variant if not config or config in one.variant else f"{one.variant}; {config}"


def _cells(one: Inspection) -> list[str | Text]:
    known = one.threads is not None and one.in_flight_bytes is not None
    on_card = (one.threads or 0) * (one.in_flight_bytes or 0) if known else None
    texts = {
        "target": one.target,
        "simd": str(one.simd),
        "grf": str(one.grf),
        "spill": str(one.spill_bytes),
        "slm": str(one.slm_bytes),
        "dpas": "yes" if one.has_dpas else "no",
        "load B": "-" if one.weight_load_bytes is None else str(one.weight_load_bytes),
        "run B": "-" if one.weight_run_bytes is None else str(one.weight_run_bytes),
        "ops/w": _number(one.lane_ops_per_weight),
        "threads": "-" if one.threads is None else str(one.threads),
        "flight KB": "-" if on_card is None else f"{on_card / 1e3:.0f}",
        "of KB": "-" if one.needed_bytes is None else f"{one.needed_bytes / 1e3:.0f}",
        "issue": _number(one.issue_over_memory),
        "latency": _number(one.latency_over_memory),
        "local": _number(one.local_over_memory),
    }
    red = {_NOTED.get(fault.split(":")[0].split()[0], "") for fault in one.faults}
    return [words(text, style="bold red" if at in red else "") for at, text in texts.items()]


def _below(one: Inspection) -> Iterator[Text]:
    """Faults, and what the figures of the row could not take into account."""
    for fault in one.faults:
        yield words(f"   {fault}", style="bold red")
    if one.not_followed is not None:
        yield words(f"   one pass over its inputs is assumed: {one.not_followed}", style="yellow")
    elif one.passes is not None and round(one.passes, 1) != 1 and not one.faults:
        yield words(f"   the largest input is read {one.passes:.1f} times", style="dim")


def _style(one: Inspection) -> str:
    return "" if one.verdict in (IssueVerdict.MEMORY, IssueVerdict.UNKNOWN) else "yellow"


def _instructions(one: Inspection) -> Iterator[Text]:
    yield words(f"   {one.target} kernel: {_counts(one.instructions)}", style="dim")
    if one.where != "kernel":
        yield words(f"   {one.target} inner loop: {_counts(one.hot)}", style="dim")
    names = ", ".join(f"{count} {op}" for op, count in one.opcodes.items())
    if names:
        yield words(f"   {one.target} {one.where}: {names}", style="dim")
    if one.turns is not None:
        yield words(f"   {one.target} {_turns(one)}", style="dim")
    for load in one.loads:
        run = "" if f" {load.run_bytes} B" in load.label else f" in runs of {load.run_bytes} B"
        yield words(f"   {one.target} {load.count} x {load.label} of {load.arg}{run}", style="dim")


def _turns(one: Inspection) -> str:
    """What the ratios are made of."""
    clocks = max(one.vector_clocks, one.matrix_clocks)
    parts = [
        f"{digits(one.turns or 0)} iterations of {digits(clocks)} clocks",
        f"{one.streamed_bytes} bytes of memory",
        f"{digits(one.alone_clocks or 0)} clocks for a thread alone",
    ]
    if one.local_clocks:
        parts.append(f"{digits(one.local_clocks)} clocks of local memory")
    if one.outside_loop is not None:
        parts.append(f"{100 * one.outside_loop:.1f} % of the clocks are outside of the loop")
    return ", ".join(parts) + f"; threads by {one.threads_by}"


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
