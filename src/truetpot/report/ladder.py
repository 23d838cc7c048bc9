"""The ladder as a table with bars, and the operators below it."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from truetpot.ladder import LOSSES, RUNGS
from truetpot.records.opening import Environment
from truetpot.records.rungs import Ladder
from truetpot.report.numbers import bar, digits, microseconds, percent

_STYLE = {"spec": "cyan", "ceiling": "blue", "kernels": "green", "step": "magenta", "eager": "red"}
_LOSS_OF = {loss.split("/")[0]: loss for loss in LOSSES}
"""The loss that a rung shows against the one below it."""


def draw_ladder(ladder: Ladder, absent: Mapping[str, str]) -> RenderableType:
    """Rungs, losses, shares, sources. ``absent`` says why a rung is missing; others stay out."""
    parts: list[RenderableType] = [_rungs(ladder, absent)]
    if ladder.share_of_ceiling is not None:
        share = percent(ladder.share_of_ceiling)
        parts += ["", Text.assemble("The step reaches ", (share, "bold"), " of the ceiling.")]
        how = (
            "Times are those of the step's median round: each rung but spec and step is the step's "
            "median times its ratio to the step, round by round."
        )
        parts.append(Text(how, style="dim"))
    sources = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    sources.add_column(no_wrap=True)
    sources.add_column(overflow="fold")
    for name, rung in ladder.rungs.present():
        sources.add_row(name, rung.source, style="dim")
    return Group(*parts, "", sources)


def _rungs(ladder: Ladder, absent: Mapping[str, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("rung", no_wrap=True)
    table.add_column("ms/token", justify="right", no_wrap=True)
    table.add_column("95 % interval", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("over the line above: what is lost", overflow="fold")
    most = max((rung.ms_per_token for _, rung in ladder.rungs.present()), default=0.0)
    for name in RUNGS:
        rung = ladder.rungs.get(name)
        if rung is None:
            if name in absent:
                table.add_row(name, "-", "", "", "", absent[name], style="dim")
            continue
        loss = _LOSS_OF.get(name, "")
        ratio = ladder.losses.get(loss)
        interval = ""
        if rung.ci_ms is not None:
            interval = f"{digits(rung.ci_ms[0])} to {digits(rung.ci_ms[1])}"
        table.add_row(
            Text(name, style="bold"),
            Text(digits(rung.ms_per_token) + ("*" if rung.extrapolated else ""), style="bold"),
            interval,
            Text(bar(rung.ms_per_token, most), style=_STYLE.get(name, "")),
            "" if ratio is None else f"{ratio:.3f}",
            "" if ratio is None else LOSSES[loss],
        )
    if any(rung.extrapolated for _, rung in ladder.rungs.present()):
        table.caption = "* extrapolated"
        table.caption_justify = "left"
    return table


def draw_ranks(ladder: Ladder) -> RenderableType:
    """What the ranks spend on each other, and each one's own times."""
    talk = ladder.communication
    parts: list[RenderableType] = []
    if talk is not None:
        parts.append(
            f"{talk.count} collectives over {talk.backend}: {digits(talk.alone_ms)} ms a token "
            f"timed alone; exposed, which is step minus kernels: {digits(talk.exposed_ms)} ms."
        )
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("rank", justify="right")
    for name in ("kernels ms", "collectives ms", "step ms", "ceiling GB/s"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("device", overflow="fold")
    table.add_column("state after", overflow="fold")
    for row in ladder.ranks:
        times = (row.kernels_ms, row.collectives_ms, row.step_ms)
        figures = [digits(ms) for ms in times]
        table.add_row(
            str(row.rank), *figures, f"{row.ceiling_gb_s:.1f}", row.who(), row.condition()
        )
    return Group(*parts, "", table) if ladder.ranks else Group(*parts)


def draw_operators(ladder: Ladder) -> RenderableType:
    """One row a kernel, the one that takes most first."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("role", "op", "provider"):
        table.add_column(name, no_wrap=True)
    for name in ("calls", "us a call", "share of kernels", "share of ceiling"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in ladder.operators:
        table.add_row(
            row.role,
            row.op,
            row.provider,
            str(row.count),
            microseconds(row.at_step_s or row.median_s),
            percent(row.share),
            percent(row.share_of_ceiling) if row.share_of_ceiling is not None else "from cache",
        )
    return table


def draw_warnings(ladder: Ladder) -> list[tuple[str, str]]:
    """(sentence, style): what a reader must be told."""
    return [
        (warning, "bold red" if warning.startswith("INVALID") else "yellow")
        for warning in ladder.warnings
    ]


def describe_device(name: str, environment: Environment) -> str:
    """The physical device in one line: name, address, driver, clock."""
    identity = environment.device
    parts = [f"{name}: {identity['name']}"]
    if cores := identity.get("cores"):
        parts.append(f"{cores} cores")
    if features := identity.get("features"):
        parts.append(" ".join(features))
    tells = {
        "PCI": identity.get("pci_address"),
        "UUID": identity.get("uuid"),
        "driver": identity.get("driver"),
    }
    parts += [f"{label} {value}" for label, value in tells.items() if value]
    parts.append(f"timed by {environment.clock.source}")
    return ", ".join(parts)
