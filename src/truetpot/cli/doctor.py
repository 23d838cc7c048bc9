"""``truetpot doctor``: what this machine is, and whether its numbers can be trusted."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from truetpot.cli.command import DeviceOption, JsonOption, KernelsOption
from truetpot.cli.outputs import check_outputs, of_kernels

if TYPE_CHECKING:
    from pathlib import Path

    from truetpot.doctor.finding import Finding
    from truetpot.doctor.machine import Machine
    from truetpot.report.terminal import Terminal

SECONDS = 10.0


def doctor(
    device: DeviceOption = "auto",
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Look only: no bandwidth, no kernels, no torch.")
    ] = False,
    seconds: Annotated[float, typer.Option(min=0.2, help="For the bandwidth.")] = SECONDS,
    variables: Annotated[
        bool, typer.Option("--variables", help="Every environment variable known, set or not.")
    ] = False,
    kernels: KernelsOption = None,
    json: JsonOption = None,
) -> None:
    """What this machine is, and what that means for a measurement: ok, warn or bad."""
    check_outputs({"--json": json}, of_kernels(kernels))
    from truetpot.doctor.finding import Level, worst
    from truetpot.doctor.judge_cards import judge_cards
    from truetpot.doctor.judge_host import judge_host, judge_software, judge_variables
    from truetpot.doctor.machine import look
    from truetpot.measure.record import SCHEMA_VERSION, command, write
    from truetpot.report.doctor import draw_findings, draw_machine, draw_variables
    from truetpot.report.terminal import Terminal

    terminal = Terminal(quiet=json == "-")
    machine = look()
    findings: list[Finding] = [
        *judge_host(machine),
        *judge_software(machine),
        *judge_variables(machine),
    ]
    terminal.show(draw_machine(machine))
    if variables:
        terminal.show("", draw_variables())
    measured: dict[str, Any] = {"device": None, "providers": [], "check": None}
    if no_check:
        findings += judge_cards(machine)
    else:
        measured = _measure(machine, terminal, device, kernels, seconds, findings)
    verdict = worst(findings)
    terminal.show("", draw_findings(findings, checked=not no_check))
    if json is not None:
        record = {
            "schema_version": SCHEMA_VERSION,
            "kind": "doctor",
            "command": command(),
            "verdict": str(verdict),
            "findings": [finding.to_json() for finding in findings],
            **_plain(machine),
            **measured,
        }
        write(record, json)
    raise typer.Exit(int(verdict is Level.BAD))


def _measure(
    machine: Machine,
    terminal: Terminal,
    device: str,
    kernels: Path | None,
    seconds: float,
    findings: list[Finding],
) -> dict[str, Any]:
    """What needs torch: devices, providers, the check. Adds to the findings."""
    from truetpot.cli.checks import wrong_kernels
    from truetpot.cli.providers import kernel_rows
    from truetpot.cli.setting import busy, find_setting
    from truetpot.decode.program import StepShape
    from truetpot.doctor.judge_cards import judge_cards
    from truetpot.doctor.judge_device import judge_device, judge_kernels, judge_notes
    from truetpot.doctor.machine import look
    from truetpot.doctor.quick import judge_quick, quick_check
    from truetpot.facts.models import load_model
    from truetpot.report.doctor import draw_check, draw_providers_short

    setting = find_setting(terminal, device, None, kernels, "auto", "auto")
    chosen = setting.device
    identity = chosen.identity()
    findings += judge_device(chosen.name, identity, machine, busy(chosen))
    findings += judge_notes(chosen.notes())
    rows = kernel_rows(chosen)
    terminal.show("", draw_providers_short(rows, chosen.name))
    with terminal.bar(f"reading memory for {seconds:g} s") as advance:
        quick = quick_check(chosen, setting.hardware, seconds, advance)
    findings += judge_cards(look())  # now: throttling and links show under load
    findings += judge_quick(quick)
    shape = StepShape(1, 128, 1, setting.dtype, "sym_int4", setting.kv_format)
    with terminal.bar("checking kernels against float64 references") as advance:
        wrong = wrong_kernels(load_model("qwen2.5-0.5b"), shape, setting.preference, advance)
    findings += judge_kernels(wrong, setting.providers)
    terminal.show("", draw_check(quick))
    return {
        "device": {"name": chosen.name, "identity": identity, "state": chosen.state()},
        "providers": [row.to_json() for row in rows],
        "check": quick.to_json(),
    }


def _plain(machine: Machine) -> dict[str, Any]:
    """The machine for a record; a card's facts by key, not whole."""
    cards = []
    for card in machine.cards:
        entry = asdict(card) | {"hardware": card.hardware.key if card.hardware else None}
        entry["family"] = card.family.title if card.family else None
        cards.append(entry)
    return {
        "cards": cards,
        "host": asdict(machine.host),
        "software": asdict(machine.software),
        "variables": [
            {"name": known.name, "value": value, "does": known.does, "source": known.source}
            for known, value in machine.variables.items()
        ],
    }
