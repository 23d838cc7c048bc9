"""The ladder as a table with bars, and the operators below it."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType

from truetpot.ladder import LOSSES, RUNGS
from truetpot.records.opening import Environment
from truetpot.records.rungs import Ladder
from truetpot.report.config import with_origin
from truetpot.report.numbers import bar, digits, microseconds, percent
from truetpot.report.table import Table, name, number, prose
from truetpot.report.words import words

_STYLE = {"spec": "cyan", "ceiling": "blue", "kernels": "green", "step": "magenta", "eager": "red"}
_LOSS_OF = {loss.split("/")[0]: loss for loss in LOSSES}
"""The loss that a rung shows against the one below it."""


def draw_ladder(
    ladder: Ladder, absent: Mapping[str, str], per: str = "token"
) -> RenderableType:
    """Rungs, losses, shares, sources. ``absent`` says why a rung is missing; others stay out.

    Times are ``per`` token, or per step where that may yield several.
    """
    parts: list[RenderableType] = [_rungs(ladder, absent, per)]
    if any(rung.extrapolated for _, rung in ladder.rungs.present()):
        parts.append(words("* extrapolated", style="dim"))
    if ladder.share_of_ceiling is not None:
        share = percent(ladder.share_of_ceiling)
        parts += ["", words("The step reaches ", (share, "bold"), " of the ceiling.")]
        how = (
            "Times are those of the step's median round: each rung but spec and step is the step's "
            "median times its ratio to the step, round by round."
        )
        parts.append(words(how, style="dim"))
    sources = Table(name(), prose())
    for height, rung in ladder.rungs.present():
        bound = "" if rung.bound_by is None else f"{rung.bound_by}: "
        sources.row(height, bound + rung.source, style="dim")
    return Group(*parts, "", sources)


def _rungs(ladder: Ladder, absent: Mapping[str, str], per: str) -> Table:
    lost = prose("over the line above: what is lost")
    columns = (name("rung"), number(f"ms/{per}"), name("95 % interval"), name(), number("ratio"))
    table = Table(*columns, lost)
    most = max((rung.ms_per_token for _, rung in ladder.rungs.present()), default=0.0)
    for height in RUNGS:
        rung = ladder.rungs.get(height)
        if rung is None:
            if height in absent:
                table.row(height, "-", "", "", "", absent[height], style="dim")
            continue
        loss = _LOSS_OF.get(height, "")
        ratio = ladder.losses.get(loss)
        interval = ""
        if rung.ci_ms is not None:
            interval = f"{digits(rung.ci_ms[0])} to {digits(rung.ci_ms[1])}"
        table.row(
            words((height, "bold")),
            words((digits(rung.ms_per_token) + ("*" if rung.extrapolated else ""), "bold")),
            interval,
            words((bar(rung.ms_per_token, most), _STYLE.get(height, ""))),
            "" if ratio is None else f"{ratio:.3f}",
            "" if ratio is None else LOSSES[loss],
        )
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
    titles = ("rank", "kernels ms", "collectives ms", "step ms", "ceiling GB/s")
    table = Table(*map(number, titles), prose("device"), prose("state after"))
    for row in ladder.ranks:
        times = (row.kernels_ms, row.collectives_ms, row.step_ms)
        figures = [digits(ms) for ms in times]
        table.row(str(row.rank), *figures, f"{row.ceiling_gb_s:.1f}", row.who(), row.condition())
    return Group(*parts, "", table) if ladder.ranks else Group(*parts)


def draw_operators(ladder: Ladder) -> RenderableType:
    """One row a kernel, the one that takes most first."""
    names = map(name, ("role", "op", "provider"))
    numbers = map(number, ("calls", "us a call", "share of kernels", "share of ceiling"))
    table = Table(*names, *numbers, name("bound by"))
    for row in ladder.operators:
        table.row(
            row.role,
            row.op,
            row.provider,
            str(row.count),
            microseconds(row.at_step_s or row.median_s),
            percent(row.share),
            percent(row.share_of_ceiling) if row.share_of_ceiling is not None else "from cache",
            row.bound_by or "",
        )
    return table


def draw_parameters(ladder: Ladder) -> RenderableType | None:
    """What each kernel was launched with, and where that comes from; None if none has any."""
    table = Table(name("role"), name("provider"), prose("launch parameters"))
    ran = [
        (row, text)
        for row in ladder.operators
        if (text := with_origin(row.config, row.origin, row.origin_case))
    ]
    for row, text in ran:
        table.row(row.role, row.provider, text, style="dim")
    return table if ran else None


def draw_warnings(ladder: Ladder) -> list[tuple[str, str]]:
    """(sentence, style): what a reader must be told."""
    return [
        (warning, "bold red" if warning.startswith("INVALID") else "yellow")
        for warning in ladder.warnings
    ]


def describe_device(device: str, environment: Environment) -> str:
    """The physical device in one line: name, address, driver, clock."""
    identity = environment.device
    parts = [f"{device}: {identity['name']}"]
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
