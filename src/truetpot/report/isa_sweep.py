"""All configurations in a table: a line a kernel and target, then those that have faults."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from truetpot.isa.swept import Swept, sweep
from truetpot.records.isa import IsaRecord
from truetpot.report.isa import draw_kernels
from truetpot.report.table import Table, name, number
from truetpot.report.words import words

_COLUMNS = (
    name("target", least=7),
    number("configs", least=7),
    number("failed", least=6),
    number("faults", least=6),
    number("spill", least=5),
    number("private", least=7),
    number("not followed", least=12),
    number("issue", least=9),
    number("latency", least=9),
)


def draw_sweep(record: IsaRecord) -> RenderableType:
    """Counts of configurations; ratios from the least to the most; faulty ones in full below."""
    parts: list[RenderableType] = [Table(*_COLUMNS)]
    found = sweep(record.kernels, record.failed)
    for title in dict.fromkeys(map(_title, found)):
        parts.append(words((title[0], "bold"), f"  {title[1]}"))
        table = Table(*_COLUMNS, head=False)
        for one in found:
            if _title(one) == title:
                table.row(*_cells(one))
        parts.append(table)
    if faulty := [one for one in record.kernels if one.faults]:
        parts.append(draw_kernels(faulty, False))
    return Group(*parts)


def _title(one: Swept) -> tuple[str, str]:
    return f"{one.op} {one.name}", one.variant


def _cells(one: Swept) -> list[str | Text]:
    counts = (one.failed, one.faulty, one.spill, one.private, one.not_followed)
    return [
        words(one.target),
        str(len(one.rows) + one.failed),
        *(words(str(count), style="bold red" if count else "") for count in counts),
        _range(one.issue()),
        _range(one.latency()),
    ]


def _range(ends: tuple[float, float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:.2f}-{ends[1]:.2f}"
