"""Which kernels there are here, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class KernelRow:
    """One kernel of one provider, or the file that should have held it."""

    op: str
    provider: str
    available: bool
    reason: str
    """Why it is not available, or what it does not take; empty when it takes everything."""
    note: str
    source: str

    def to_json(self) -> dict[str, Any]:
        """As it is."""
        return asdict(self)


def draw_providers(rows: Sequence[KernelRow], devices: Sequence[str]) -> RenderableType:
    """Devices first, then one line a kernel."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("op", no_wrap=True)
    table.add_column("provider", no_wrap=True)
    table.add_column("available", no_wrap=True)
    table.add_column("code path, or reason", overflow="fold")
    table.add_column("source", no_wrap=True, style="dim")
    for row in rows:
        about = "; ".join(part for part in (row.note, row.reason) if part)
        style = "" if row.available else "yellow"
        table.add_row(
            row.op, row.provider, "yes" if row.available else "no", about, row.source, style=style
        )
    heads = [Text(line) for line in devices]
    return Group(Text("Devices", style="bold"), *heads, "", table)
