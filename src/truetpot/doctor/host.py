"""The machine around the cards: kernel, processor, governor, NUMA, IOMMU."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from truetpot.doctor.files import numbered
from truetpot.files import read_attribute


@dataclass(frozen=True)
class Host:
    """What the kernel says of the machine; None where it says nothing."""

    kernel: str | None
    cpu: str | None
    cores: int
    memory_bytes: int | None
    governors: tuple[str, ...]
    """Of all cores, each once; empty where the kernel does not scale their clock."""
    virtual: bool
    numa_nodes: int
    iommu: bool
    passthrough: bool
    """``iommu=pt`` or its like on the kernel's command line."""
    command_line: str | None
    wsl: bool
    """Linux inside Windows (WSL2): the kernel sees no card of its own."""
    dxg: bool
    """/dev/dxg, the way to the cards of Windows."""
    dxcore: bool
    """Windows' libraries that drivers inside WSL go through, /usr/lib/wsl/lib/libdxcore.so."""


def find_host(root: Path = Path("/")) -> Host:
    """The processor, memory and system, read from /proc and /sys below `root`."""
    processors = (read_attribute(root / "proc/cpuinfo") or "").split("\n\n")
    pairs = (line.split(":", 1) for line in processors[0].splitlines() if ":" in line)
    first = {name.strip(): value.strip() for name, value in pairs}
    cpus = numbered(root / "sys/devices/system/cpu", "cpu[0-9]*")
    governors = [read_attribute(cpu / "cpufreq/scaling_governor") for cpu in cpus]
    words = (read_attribute(root / "proc/cmdline") or "").split()
    kernel = read_attribute(root / "proc/sys/kernel/osrelease")
    return Host(
        kernel=kernel,
        cpu=first.get("model name"),
        cores=len(cpus),
        memory_bytes=_memory(root),
        governors=tuple(dict.fromkeys(name for name in governors if name)),
        virtual="hypervisor" in first.get("flags", "").split(),
        numa_nodes=len(numbered(root / "sys/devices/system/node", "node[0-9]*")),
        iommu=any((root / "sys/kernel/iommu_groups").glob("*")),
        passthrough="iommu=pt" in words or "iommu.passthrough=1" in words,
        command_line=" ".join(words) or None,
        wsl="microsoft" in (kernel or "").lower(),
        dxg=(root / "dev/dxg").exists(),
        dxcore=(root / "usr/lib/wsl/lib/libdxcore.so").exists(),
    )


def _memory(root: Path) -> int | None:
    meminfo = read_attribute(root / "proc/meminfo") or ""
    match = re.search(r"^MemTotal:\s*(\d+) kB", meminfo, re.MULTILINE)
    return int(match[1]) * 1024 if match else None
