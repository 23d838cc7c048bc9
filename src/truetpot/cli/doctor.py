"""``truetpot doctor``: what this machine is, and whether its numbers can be trusted."""

from __future__ import annotations

from typing import Annotated

import typer

from truetpot.cli.command import DeviceOption, JsonOption, KernelsOption
from truetpot.cli.outputs import check_outputs, of_kernels
from truetpot.cli.together import Only, printed, together

SECONDS = 10.0


@together(
    Only("no_check", frozenset({"variables", "json"}), "opens no device and loads no kernel"),
    printed("variables"),
)
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
    from truetpot.cli.doctor_show import DoctorScreen
    from truetpot.doctor.finding import Level
    from truetpot.records.store import write_record
    from truetpot.report.doctor import draw_findings
    from truetpot.report.terminal import Terminal
    from truetpot.runs.doctor import run

    terminal = Terminal(quiet=json == "-")
    watch = DoctorScreen(terminal, variables)
    record = run(device, seconds, kernels, look_only=no_check, watch=watch)
    terminal.show("", draw_findings(record.findings, checked=not no_check))
    if json is not None:
        write_record(record, json)
    raise typer.Exit(int(record.verdict is Level.BAD))
