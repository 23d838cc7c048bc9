"""The run behind ``truetpot doctor``: the machine looked at, and a device of it tried."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from truetpot.doctor.finding import worst
from truetpot.doctor.judge_cards import judge_cards
from truetpot.doctor.judge_container import judge_container
from truetpot.doctor.judge_host import judge_host, judge_software, judge_variables
from truetpot.doctor.machine import Machine, look
from truetpot.doctor.rows import card_row, container_row, host_row, software_row, variable_rows
from truetpot.records.doctor import DeviceRow, DoctorRecord, Finding, Quick
from truetpot.records.opening import Identity, command, now
from truetpot.records.providers import KernelEntry
from truetpot.runs.watch import Watch
from truetpot.runtime.host import machine_id

if TYPE_CHECKING:
    from truetpot.runs.setting import Setting

MODEL = "qwen2.5-0.5b"
"""Whose kernels are checked."""


class DoctorWatch(Watch):
    """Is told of each part once it is known."""

    def looked(self, machine: Machine) -> None:
        """Is told what the system says of itself."""

    def asked(self, device: str, kernels: Sequence[KernelEntry]) -> None:
        """Which kernels run on the device."""

    def checked(self, quick: Quick) -> None:
        """Is told what was measured on the device."""


def run(
    device: str = "auto",
    seconds: float = 10.0,
    kernels: Path | None = None,
    *,
    look_only: bool = False,
    watch: DoctorWatch | None = None,
) -> DoctorRecord:
    """Look at the machine, then read memory for so many seconds and check kernels.

    ``look_only`` needs no torch, and measures nothing; ``kernels`` is a folder of the user's own.
    Raises UserError for a device that is not there.
    """
    watch = watch or DoctorWatch()
    started, machine = now(), look()
    findings = [*judge_host(machine), *judge_software(machine), *judge_variables(machine)]
    watch.looked(machine)
    used: DeviceRow | None = None
    rows: list[KernelEntry] = []
    quick: Quick | None = None
    if look_only:
        findings += [*judge_container(machine), *judge_cards(machine)]
    else:
        from truetpot.runs.setting import find_setting

        setting = find_setting(device, kernels=kernels, watch=watch)
        used, rows, quick, machine = _measure(machine, setting, seconds, findings, watch)
    return DoctorRecord(
        started=started,
        hostname=platform.node(),
        machine_id=machine_id(),
        command=command(),
        verdict=worst(findings),
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


def _measure(
    machine: Machine,
    setting: Setting,
    seconds: float,
    findings: list[Finding],
    watch: DoctorWatch,
) -> tuple[DeviceRow, list[KernelEntry], Quick, Machine]:
    """What needs kernels: device, providers, the check. Adds to the findings.

    The machine is looked at again: throttling and links show under load, and a quota is used up.
    """
    from truetpot.decode.selected import select_step
    from truetpot.doctor.judge_device import judge_device, judge_kernels, judge_notes
    from truetpot.doctor.quick import judge_quick, quick_check
    from truetpot.facts.models import load_model
    from truetpot.facts.workload import Workload
    from truetpot.runs import checks
    from truetpot.runs.providers import kernel_rows
    from truetpot.runs.setting import busy

    chosen = setting.device
    identity = chosen.identity()
    findings += judge_device(chosen.name, identity, machine, busy(chosen))
    findings += judge_notes(chosen.notes())
    rows = kernel_rows(chosen)
    watch.asked(chosen.name, rows)
    with watch.bar(f"reading memory for {seconds:g} s") as advance:
        quick = quick_check(chosen, setting.hardware, seconds, advance)
    loaded = look()
    findings += [*judge_container(loaded, machine), *judge_cards(loaded, identity)]
    findings += judge_quick(quick)
    shape = Workload(
        context=128, format="sym_int4", kv_format=setting.kv_format, dtype=setting.dtype
    )
    with watch.bar("checking kernels against float64 references") as advance:
        step = select_step(load_model(MODEL), shape, setting.preference)
        wrong = checks.wrong_kernels(step, advance)
    findings += judge_kernels(wrong, setting.providers)
    watch.checked(quick)
    used = DeviceRow(name=chosen.name, identity=cast(Identity, identity), state=chosen.state())
    return used, rows, quick, loaded
