"""Verdicts on what surrounds the cards: processor, software, environment."""

from __future__ import annotations

from collections.abc import Iterator

from truetpot.doctor.finding import Finding, Level, bad, ok, warn
from truetpot.doctor.machine import Machine


def judge_host(machine: Machine) -> Iterator[Finding]:
    """What is found of the host itself, such as a virtual machine or a slow governor."""
    host = machine.host
    if host.virtual:
        yield warn(
            "virtual machine",
            "the processor is a virtual one",
            "others may share its cores and memory, and change their speed at any moment; PCIe and "
            "NUMA may be shown other than they are",
            "compare within one run only, or measure on the bare machine",
        )
    slow = [governor for governor in host.governors if governor != "performance"]
    if slow:
        yield warn(
            "governor",
            f"the processor's clock is governed by {', '.join(slow)}",
            "submitting a launch takes longer while the clock is low: steps that are launch-bound, "
            "as eager ones on Arc are, and all CPU kernels vary",
            "cpupower frequency-set -g performance",
        )
    elif host.governors:
        yield ok("governor", "performance")


def judge_software(machine: Machine) -> Iterator[Finding]:
    """Is there what an Intel card needs, and does torch's build fit it?"""
    host, software = machine.host, machine.software
    if host.wsl and host.dxg and not host.dxcore:
        yield bad(
            "compute runtime",
            "/dev/dxg is here without Windows' libraries",
            "no driver can reach a card through it",
            "in a container, -v /usr/lib/wsl:/usr/lib/wsl and LD_LIBRARY_PATH=/usr/lib/wsl/lib",
        )
    if not any(card.vendor == "Intel" for card in machine.discrete):
        return
    alternatives = machine.environment.get("ZE_ENABLE_ALT_DRIVERS")
    if software.level_zero is None and alternatives:
        yield bad(
            "compute runtime",
            f"no GPU driver of Intel's by ZE_ENABLE_ALT_DRIVERS={alternatives}",
            "torch.xpu cannot see the card",
            "unset ZE_ENABLE_ALT_DRIVERS, or add libze_intel_gpu.so.1",
        )
    elif software.level_zero is None:
        yield bad(
            "compute runtime",
            "Intel's Level Zero driver was not found",
            "torch.xpu cannot see the card",
            "install libze-intel-gpu1 (intel-level-zero-gpu in older repositories), or put its "
            "folder into LD_LIBRARY_PATH",
        )
    else:
        yield ok("compute runtime", f"Level Zero driver {software.level_zero}")
    torch = software.python.get("torch")
    if torch is not None and "+xpu" not in torch:
        yield warn(
            "torch",
            f"torch {torch} may not be a build for XPU",
            "only the build for XPU sees an Intel card",
            "make venv TORCH=xpu, if truetpot providers lists no xpu device",
        )


def judge_variables(machine: Machine) -> Iterator[Finding]:
    """Those that are set to what changes the meaning of a time."""
    for known, value in machine.variables.items():
        if known.harms(value):
            yield Finding(
                level=Level(known.effect or Level.WARN),
                about="environment",
                what=f"{known.name}={value}: {known.does}",
                means=known.means or "",
                do=f"unset {known.name}",
            )
