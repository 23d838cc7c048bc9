"""``truetpot providers``: which kernels there are here, and why the others are not."""

from __future__ import annotations

from truetpot.cli.command import DeviceOption, JsonOption, KernelsOption
from truetpot.cli.outputs import check_outputs, of_kernels


def providers(
    device: DeviceOption = "auto",
    kernels: KernelsOption = None,
    json: JsonOption = None,
) -> None:
    """Every provider's kernels: available on this device, or the reason why not."""
    check_outputs({"--json": json}, of_kernels(kernels))
    from truetpot.cli.screen import Screen
    from truetpot.records.store import write_record
    from truetpot.report.providers import draw_providers
    from truetpot.report.terminal import Terminal
    from truetpot.runs.providers import run

    terminal = Terminal(quiet=json == "-")
    record = run(device, kernels, Screen(terminal))
    lines = [
        f"  {one['device']}: {one['name']}"
        + (" (the one asked for)" if one["device"] == record.device else "")
        for one in record.devices
    ]
    terminal.show(draw_providers(record.kernels, lines))
    if json is not None:
        write_record(record, json)
