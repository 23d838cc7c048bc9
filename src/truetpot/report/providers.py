"""Which kernels there are here, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from truetpot.records.providers import KernelEntry


def draw_providers(rows: Sequence[KernelEntry], devices: Sequence[str]) -> RenderableType:
    """Devices first, then one line a kernel under its operator."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("operator and provider", no_wrap=True)
    table.add_column("available", no_wrap=True)
    table.add_column("code path, or reason", overflow="fold")
    last = ""
    for row in rows:
        if row.op != last:
            table.add_row(Text(row.op, style="bold"))
            last = row.op
        usual = f"kernels/{row.op}/{row.provider}.py"
        source = "" if row.source == usual else row.source
        about = "; ".join(part for part in (row.note, row.reason, source) if part)
        style = "" if row.available else "yellow"
        table.add_row(f"  {row.provider}", "yes" if row.available else "no", about, style=style)
    heads = [Text(line) for line in devices]
    where = Text("Kernels: kernels/<operator>/<provider>.py where no other file is named", "bold")
    return Group(Text("Devices", style="bold"), *heads, "", where, "", table)
