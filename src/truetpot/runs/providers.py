"""The run behind ``truetpot providers``: which kernels there are here, and why others are not."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from truetpot import kernels as builtin
from truetpot.errors import KernelError
from truetpot.measure import record
from truetpot.ops.guard import guarded, who
from truetpot.ops.kernel import devices_in_words
from truetpot.ops.registry import REGISTRY, Kernel
from truetpot.records.opening import Identity
from truetpot.records.providers import KernelEntry, ProvidersRecord
from truetpot.runs.setting import load_kernels
from truetpot.runs.watch import NOBODY, Watch
from truetpot.runtime.choose import choose_device, present
from truetpot.runtime.device import Device
from truetpot.text import escaped


def run(
    device: str = "auto", kernels: Path | None = None, watch: Watch = NOBODY
) -> ProvidersRecord:
    """Every kernel, asked whether it runs on the device; all devices that there are.

    ``kernels`` is a folder of the user's own. Raises UserError for a device that is not there.
    """
    chosen = choose_device(device)
    load_kernels(kernels, watch)
    rows = kernel_rows(chosen)
    devices = [(name, choose_device(name).identity()) for name in present()]
    opening = record.opening(chosen)
    return ProvidersRecord(
        started=opening.started,
        command=opening.command,
        environment=opening.environment,
        partial=False,
        device=chosen.name,
        devices=[cast(Identity, {"device": name, **identity}) for name, identity in devices],
        kernels=rows,
    )


def kernel_rows(device: Device) -> list[KernelEntry]:
    """Every kernel that was found or lost, by operator."""
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

    def entry(available: bool, reason: str, note: str = "") -> KernelEntry:
        return KernelEntry(
            op=kernel.op.name,
            provider=kernel.provider,
            available=available,
            reason=reason,
            note=note,
            source=_short(kernel.source),
        )

    if not kernel.runs_on(device.kind):
        return entry(False, f"runs on {devices_in_words(kernel.devices)}, not on {device.kind}")
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
    root = Path(next(iter(builtin.__path__)))
    path = Path(source)
    return str(Path("kernels") / path.relative_to(root)) if path.is_relative_to(root) else source
