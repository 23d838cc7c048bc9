"""A machine on one page, and the verdict on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding

from truetpot.doctor.cards import Card
from truetpot.doctor.container import Container
from truetpot.doctor.finding import Finding, Level, worst
from truetpot.doctor.machine import Machine
from truetpot.facts.variables import variables
from truetpot.records.providers import KernelEntry
from truetpot.report.numbers import count_of, percent
from truetpot.report.table import Table, name, prose
from truetpot.report.words import words
from truetpot.text import gib

if TYPE_CHECKING:
    from truetpot.records.doctor import Quick

_STYLE = {Level.OK: "green", Level.WARN: "yellow", Level.BAD: "bold red"}
_VERDICT = {
    Level.OK: "Nothing found that would make numbers of this machine untrustworthy.",
    Level.WARN: "Numbers of this machine can be used if what is warned of stands beside them.",
    Level.BAD: "Numbers of this machine cannot be trusted as it is.",
}


def draw_machine(machine: Machine) -> RenderableType:
    """Cards, host, software, the variables that are set."""
    host, software = machine.host, machine.software
    parts: list[RenderableType] = [words("Cards", style="bold")]
    parts += [_pairs(_card(card), card.title) for card in machine.cards]
    if not machine.cards:
        parts.append(words("  none of Intel, NVIDIA or AMD on the PCI bus"))
    parts += ["", words("Host", style="bold")]
    inside = machine.container
    memory = "" if host.memory_bytes is None else f", {gib(host.memory_bytes)}"
    governors = ", ".join(host.governors) or "none shown"
    iommu = "pass-through" if host.passthrough else "on" if host.iommu else "none"
    host_rows = [
        ("processor", f"{host.cpu or '?'}, {count_of(host.cores, 'core')}{memory}"),
        ("kernel", host.kernel or "?"),
        ("governor", governors),
        ("NUMA", count_of(host.numa_nodes, "node")),
        ("IOMMU", iommu),
    ]
    host_rows += [("virtual", "WSL2" if host.wsl else "yes")] * (host.virtual or host.wsl)
    host_rows += _container(inside, host.cores)
    parts.append(_pairs(host_rows))
    parts += ["", words("Software", style="bold")]
    rows = [("Level Zero driver", software.level_zero or "none found"), *software.system.items()]
    rows.append(("OpenCL drivers", ", ".join(software.opencl) or "none registered"))
    rows.append(("Python", ", ".join(f"{k} {v}" for k, v in software.python.items())))
    parts.append(_pairs(rows))
    given = [(f"{known.name}={value}", known.does) for known, value in machine.variables.items()]
    unknown = "not in truetpot's table: what it changes is not known"
    given += [(f"{name}={value}", unknown) for name, value in machine.others.items()]
    if given:
        parts += ["", words("Environment", style="bold"), _pairs(given)]
    return Group(*parts)


def _container(inside: Container, cores: int) -> list[tuple[str, str]]:
    """Only what is less than the machine's."""
    rows = [("container", inside.kind)] if inside.kind else []
    effective = inside.effective_cores
    if effective is not None and effective < cores:
        quota = "" if inside.quota_cores is None else f", quota {inside.quota_cores:g}"
        rows.append(("may use", f"{effective:g} of {count_of(cores, 'core')}{quota}"))
    if inside.memory_bytes is not None:
        rows.append(("memory limit", gib(inside.memory_bytes)))
    if inside.kind and inside.shm_bytes is not None:
        rows.append(("/dev/shm", f"{inside.shm_bytes >> 20:,} MiB"))
    return rows


def draw_variables() -> RenderableType:
    """Every variable of the table."""
    table = Table(name("variable"), prose("what it does"), name("ipex-llm's script"))
    for known in variables():
        table.row(known.name, known.does, known.script or "")
    return Group(words("Environment variables that matter", style="bold"), table)


def draw_providers_short(rows: Sequence[KernelEntry], device: str) -> RenderableType:
    """A line a provider: how many of its kernels run here, else why none does."""
    pairs = []
    for provider in sorted({row.provider for row in rows}):
        mine = [row for row in rows if row.provider == provider]
        here = [row for row in mine if row.available]
        if here:
            pairs.append((provider, f"{len(here)} of {count_of(len(mine), 'kernel')}"))
        else:
            # of a provider with kernels for several devices, what is wrong with those for this one
            reason = min((row.reason for row in mine), key=lambda why: why.startswith("runs on"))
            pairs.append((provider, f"no: {reason}"))
    return Group(words(f"Providers on {device}", style="bold"), _pairs(pairs))


def draw_check(quick: Quick) -> RenderableType:
    """What `doctor` measured: clock, read bandwidth, spread."""
    rows = [("clock around nothing", f"{quick.empty_pair_s * 1e6:.2f} us")]
    if quick.read_gb_s is not None:
        share = ""
        if quick.datasheet_gb_s:
            of = percent(quick.read_gb_s / quick.datasheet_gb_s)
            share = f", {of} of the datasheet's {quick.datasheet_gb_s:g}"
        rows.append(("read bandwidth", f"{quick.read_gb_s:.1f} GB/s by {quick.reader}{share}"))
    if quick.spread is not None:
        rows.append(("spread", f"{percent(quick.spread)} over {quick.samples} reads"))
    return Group(words(f"Check of {quick.device}", style="bold"), _pairs(rows))


def draw_findings(findings: Sequence[Finding], *, checked: bool) -> RenderableType:
    """The verdict, then a line each, the worst first, with what it means and what to do."""
    level = worst(list(findings))
    parts: list[RenderableType] = [words(_VERDICT[level], style=_STYLE[level])]
    if not checked:
        parts.append(words("Nothing was measured: --no-check.", style="dim"))
    parts.append("")
    for each in (Level.BAD, Level.WARN, Level.OK):
        for finding in findings:
            if finding.level == each:
                parts += _lines(finding)
    return Group(*parts)


def _lines(finding: Finding) -> Iterator[RenderableType]:
    head = (f"{finding.level:<5}", _STYLE[finding.level])
    yield words(head, (f"{finding.about}: ", "bold"), finding.what)
    if finding.means:
        yield Padding(words(finding.means), (0, 0, 0, 5))
    if finding.do:
        yield Padding(words(f"-> {finding.do}", style="cyan"), (0, 0, 0, 5))


def _card(card: Card) -> Iterator[tuple[str, str]]:
    yield card.title, " ".join(p for p in (card.address, card.drm, card.render, card.driver) if p)
    if card.hardware is not None:
        facts = card.hardware
        yield "memory", f"{facts.memory_gib:g} GiB at {facts.bandwidth_gb_s:g} GB/s (datasheet)"
    if card.window is not None:
        most = "" if card.largest_window is None else f", at most {gib(card.largest_window)}"
        yield "BAR", f"{gib(card.window)}{most}"
    if card.discrete:
        yield "PCIe", f"{card.link} of {card.link.most}" if card.link else "unknown"
    for clock in card.clocks:
        now = "?" if clock.now is None else clock.now
        span = f"{now} MHz, allowed {clock.low} to {clock.high}, can {clock.hardware_low} to "
        yield f"clock {clock.where}", f"{span}{clock.hardware_high}"
    for limit in card.power:
        watts = "off" if limit.limit_w is None else f"{limit.limit_w:g} W"
        rated = "" if limit.rated_w is None else f" of {limit.rated_w:g} W"
        by = " (datasheet's board power)" if limit.rated_by == "datasheet" else ""
        yield f"{limit.kind} power limit, {limit.what}", f"{watts}{rated}{by}"


def _pairs(rows: Iterable[tuple[str, str]], head: str = "") -> RenderableType:
    table = Table(name(), prose())
    for about, value in rows:
        table.row(words((about, "bold" if about == head else "")), value)
    return Padding(table, (0, 0, 0, 2))
