"""``truetpot providers``: which kernels there are here, and why the others are not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from truetpot.cli.command import DeviceOption, JsonOption, KernelsOption
from truetpot.cli.outputs import check_outputs, of_kernels
from truetpot.text import escaped

if TYPE_CHECKING:
    from truetpot.ops.registry import Kernel
    from truetpot.records.providers import KernelEntry
    from truetpot.runtime.device import Device


def providers(
    device: DeviceOption = "auto",
    kernels: KernelsOption = None,
    json: JsonOption = None,
) -> None:
    """Every provider's kernels: available on this device, or the reason why not."""
    check_outputs({"--json": json}, of_kernels(kernels))
    from truetpot.measure import record
    from truetpot.records.opening import Identity
    from truetpot.records.providers import ProvidersRecord
    from truetpot.records.store import write_record
    from truetpot.report.providers import draw_providers
    from truetpot.report.terminal import Terminal
    from truetpot.runs.setting import load_kernels
    from truetpot.runtime.choose import choose_device, present

    terminal = Terminal(quiet=json == "-")
    chosen = choose_device(device)
    load_kernels(terminal, kernels)
    rows = kernel_rows(chosen)
    devices = [(name, choose_device(name).identity()) for name in present()]
    lines = [
        f"  {name}: {identity['name']}" + (" (the one asked for)" if name == chosen.name else "")
        for name, identity in devices
    ]
    terminal.show(draw_providers(rows, lines))
    if json is not None:
        opening = record.opening(chosen)
        found = ProvidersRecord(
            started=opening.started,
            command=opening.command,
            environment=opening.environment,
            partial=False,
            device=chosen.name,
            devices=[cast(Identity, {"device": name, **identity}) for name, identity in devices],
            kernels=rows,
        )
        write_record(found, json)


def kernel_rows(device: Device) -> list[KernelEntry]:
    """Every kernel that was found or lost, by operator."""
    from truetpot.ops.registry import REGISTRY
    from truetpot.records.providers import KernelEntry

    rows = [_row(kernel, device) for kernel in REGISTRY.kernels()]
    rows += [
        KernelEntry(
            op=lost.op,
            provider=escaped(lost.provider),
            available=False,
            reason=lost.reason,
            note="",
            source="",
        )
        for lost in REGISTRY.missing()
    ]
    return sorted(rows, key=lambda row: (row.op, row.provider))


def _row(kernel: type[Kernel], device: Device) -> KernelEntry:
    """Asked with every case of the operator's grid: available if it takes any."""
    from truetpot.errors import KernelError
    from truetpot.ops.guard import guarded, who
    from truetpot.records.providers import KernelEntry

    def entry(available: bool, reason: str, note: str = "") -> KernelEntry:
        return KernelEntry(
            op=kernel.op.name,
            provider=kernel.provider,
            available=available,
            reason=reason,
            note=note,
            source=_short(kernel.source),
        )

    if device.kind not in kernel.devices:
        return entry(False, f"runs on {', '.join(kernel.devices)}, not on {device.kind}")
    try:
        with guarded(who=who(kernel)):
            cases = list(kernel.op.grid())
            refusals = [why for case in cases if (why := kernel.refuses(case, device))]
            note = kernel.note(device)
    except KernelError as fault:
        return entry(False, str(fault))
    taken = len(refusals) < len(cases) or not cases
    reason = refusals[0] if refusals else ""
    if reason and taken:
        reason = f"refuses {len(refusals)} of {len(cases)} test cases: {reason}"
    return entry(taken, reason, note)


def _short(source: str) -> str:
    """A built-in kernel's file from ``kernels/`` on; another's as it is."""
    from truetpot import kernels

    root = Path(next(iter(kernels.__path__)))
    path = Path(source)
    return str(Path("kernels") / path.relative_to(root)) if path.is_relative_to(root) else source
