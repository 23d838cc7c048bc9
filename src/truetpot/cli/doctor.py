"""``truetpot doctor``: what this machine is, and whether its numbers can be trusted."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Annotated, cast

import typer

from truetpot.cli.command import DeviceOption, JsonOption, KernelsOption
from truetpot.cli.outputs import check_outputs, of_kernels

if TYPE_CHECKING:
    from pathlib import Path

    from truetpot.doctor.machine import Machine
    from truetpot.records.doctor import DeviceRow, Finding, Quick
    from truetpot.records.providers import KernelEntry
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
    from truetpot.doctor.judge_container import judge_container
    from truetpot.doctor.judge_host import judge_host, judge_software, judge_variables
    from truetpot.doctor.machine import look
    from truetpot.doctor.rows import card_row, container_row, host_row, software_row, variable_rows
    from truetpot.records.doctor import DoctorRecord
    from truetpot.records.opening import command, now
    from truetpot.records.store import write_record
    from truetpot.report.doctor import draw_findings, draw_machine, draw_variables
    from truetpot.report.terminal import Terminal
    from truetpot.runtime.host import machine_id

    terminal = Terminal(quiet=json == "-")
    started, machine = now(), look()
    findings: list[Finding] = [
        *judge_host(machine),
        *judge_software(machine),
        *judge_variables(machine),
    ]
    terminal.show(draw_machine(machine))
    if variables:
        terminal.show("", draw_variables())
    used: DeviceRow | None = None
    rows: list[KernelEntry] = []
    quick: Quick | None = None
    if no_check:
        findings += [*judge_container(machine), *judge_cards(machine)]
    else:
        used, rows, quick, machine = _measure(machine, terminal, device, kernels, seconds, findings)
    verdict = worst(findings)
    terminal.show("", draw_findings(findings, checked=not no_check))
    if json is not None:
        record = DoctorRecord(
            started=started,
            hostname=platform.node(),
            machine_id=machine_id(),
            command=command(),
            verdict=verdict,
            findings=findings,
            cards=[card_row(card) for card in machine.cards],
            host=host_row(machine.host),
            container=container_row(machine.container),
            software=software_row(machine.software),
            variables=variable_rows(machine.variables),
            others=dict(machine.others),
            device=used,
            providers=rows,
            check=quick,
        )
        write_record(record, json)
    raise typer.Exit(int(verdict is Level.BAD))


def _measure(
    machine: Machine,
    terminal: Terminal,
    device: str,
    kernels: Path | None,
    seconds: float,
    findings: list[Finding],
) -> tuple[DeviceRow, list[KernelEntry], Quick, Machine]:
    """What needs torch: device, providers, the check. Adds to the findings.

    The machine is looked at again: throttling and links show under load, and a quota is used up.
    """
    from truetpot.cli.checks import wrong_kernels
    from truetpot.cli.providers import kernel_rows
    from truetpot.cli.setting import busy, find_setting
    from truetpot.decode.selected import select_step
    from truetpot.doctor.judge_cards import judge_cards
    from truetpot.doctor.judge_container import judge_container
    from truetpot.doctor.judge_device import judge_device, judge_kernels, judge_notes
    from truetpot.doctor.machine import look
    from truetpot.doctor.quick import judge_quick, quick_check
    from truetpot.facts.models import load_model
    from truetpot.facts.workload import Workload
    from truetpot.records.doctor import DeviceRow
    from truetpot.records.opening import Identity
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
    loaded = look()
    findings += [*judge_container(loaded, machine), *judge_cards(loaded, identity)]
    findings += judge_quick(quick)
    shape = Workload(
        context=128,
        format="sym_int4",
        kv_format=setting.kv_format,
        dtype=setting.dtype,
        batch=1,
        tp=1,
    )
    with terminal.bar("checking kernels against float64 references") as advance:
        step = select_step(load_model("qwen2.5-0.5b"), shape, setting.preference)
        wrong = wrong_kernels(step, advance)
    findings += judge_kernels(wrong, setting.providers)
    terminal.show("", draw_check(quick))
    state = chosen.state()
    used = DeviceRow(name=chosen.name, identity=cast(Identity, identity), state=state)
    return used, rows, quick, loaded
