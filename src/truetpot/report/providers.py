"""Which kernels there are here, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType

from truetpot.records.providers import KernelEntry
from truetpot.report.table import Table, name, prose
from truetpot.report.words import words


def draw_providers(rows: Sequence[KernelEntry], devices: Sequence[str]) -> RenderableType:
    """Devices first, then one line a kernel under its operator."""
    table = Table(name("operator and provider"), name("available"), prose("code path, or reason"))
    last = ""
    for row in rows:
        if row.op != last:
            table.line((row.op, "bold"))
            last = row.op
        default = f"kernels/{row.op}/{row.provider}.py"
        source = "" if row.source == default else row.source
        about = "; ".join(part for part in (row.note, row.reason, source) if part)
        style = "" if row.available else "yellow"
        table.row(f"  {row.provider}", "yes" if row.available else "no", about, style=style)
    where = "Kernels: kernels/<operator>/<provider>.py where no other file is named"
    title = words("Devices", style="bold")
    return Group(title, *map(words, devices), "", words(where, style="bold"), "", table)
