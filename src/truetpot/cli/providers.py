"""``truetpot providers``: which kernels there are here, and why the others are not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from truetpot.cli.command import DeviceOption, JsonOption, KernelsOption, check_writable

if TYPE_CHECKING:
    from truetpot.ops.registry import Kernel
    from truetpot.report.providers import KernelRow
    from truetpot.runtime.device import Device


def providers(
    device: DeviceOption = "auto",
    kernels: KernelsOption = None,
    json: JsonOption = None,
) -> None:
    """Every provider's kernels: available on this device, or the reason why not."""
    check_writable(json, "--json")
    from truetpot.cli.setting import load_kernels
    from truetpot.measure import record
    from truetpot.report.providers import draw_providers
    from truetpot.report.terminal import Terminal
    from truetpot.runtime.choose import choose_device, present

    terminal = Terminal(quiet=json == "-")
    chosen = choose_device(device)
    load_kernels(terminal, kernels)
    rows = kernel_rows(chosen)
    devices = [(name, choose_device(name).identity()) for name in present()]
    if json is not None:
        found: dict[str, Any] = {
            "device": chosen.name,
            "devices": [{"device": name, **identity} for name, identity in devices],
            "kernels": [row.to_json() for row in rows],
        }
        record.write({**record.header("providers", chosen), **found}, json)
    lines = [
        f"  {name}: {identity['name']}" + (" (the one asked for)" if name == chosen.name else "")
        for name, identity in devices
    ]
    terminal.show(draw_providers(rows, lines))


def kernel_rows(device: Device) -> list[KernelRow]:
    """Every kernel that was found or lost, by operator."""
    from truetpot.ops.registry import REGISTRY
    from truetpot.report.providers import KernelRow

    rows = [_row(kernel, device) for kernel in REGISTRY.kernels()]
    rows += [
        KernelRow(lost.op, lost.provider, False, lost.reason, "", "") for lost in REGISTRY.missing()
    ]
    return sorted(rows, key=lambda row: (row.op, row.provider))


def _row(kernel: type[Kernel], device: Device) -> KernelRow:
    """Asked with every case of the operator's grid: available if it takes any."""
    from truetpot.errors import KernelError
    from truetpot.ops.guard import guarded, who
    from truetpot.report.providers import KernelRow

    source = _short(kernel.source)
    if device.kind not in kernel.devices:
        reason = f"runs on {', '.join(kernel.devices)}, not on {device.kind}"
        return KernelRow(kernel.op.name, kernel.provider, False, reason, "", source)
    cases = list(kernel.op.grid())
    try:
        with guarded(who=who(kernel)):
            refusals = [why for case in cases if (why := kernel.refuses(case, device))]
            note = kernel.note(device)
    except KernelError as fault:
        return KernelRow(kernel.op.name, kernel.provider, False, str(fault), "", source)
    taken = len(refusals) < len(cases)
    reason = refusals[0] if refusals else ""
    if reason and taken:
        reason = f"refuses {len(refusals)} of {len(cases)} test cases: {reason}"
    return KernelRow(kernel.op.name, kernel.provider, taken, reason, note, source)


def _short(source: str) -> str:
    """A built-in kernel's file from ``kernels/`` on; another's as it is."""
    from truetpot import kernels

    root = Path(next(iter(kernels.__path__)))
    path = Path(source)
    return str(Path("kernels") / path.relative_to(root)) if path.is_relative_to(root) else source
