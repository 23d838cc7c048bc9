"""The processor of this machine, as Linux tells of it. What it does not tell is None."""

from __future__ import annotations

import hashlib
import math
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from truetpot.files import read_attribute
from truetpot.runtime.ask import ask
from truetpot.runtime.cgroup import read_quota
from truetpot.runtime.sysfs import number

CPU0 = Path("/sys/devices/system/cpu/cpu0")


@cache
def cpuinfo() -> dict[str, str]:
    """The first processor's fields of /proc/cpuinfo."""
    first = (read_attribute(Path("/proc/cpuinfo")) or "").split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def machine_id(file: Path = Path("/etc/machine-id")) -> str | None:
    """Tells this machine from others: 16 digits of a digest of /etc/machine-id.

    The id itself should not be published, by its manual page. None where there is none.
    """
    known = read_attribute(file)
    return hashlib.sha256(f"truetpot {known}".encode()).hexdigest()[:16] if known else None


def cores() -> int | None:
    """Cores that this process may use; all of the machine's where affinity is not told.

    No more than a container's quota: threads beyond it wait for the next period, all of them.
    """
    allowed = ask(lambda: os.sched_getaffinity(0))
    count = len(allowed) if allowed else os.cpu_count()
    quota = read_quota()
    return count if quota is None or count is None else min(count, math.ceil(quota.cores))


def cache_bytes() -> int | None:
    """The largest cache that Linux lists for core 0; a container may list none."""
    sizes = [_size(read_attribute(p) or "") for p in CPU0.glob("cache/index*/size")]
    return max(sizes, default=0) or None


def state() -> dict[str, Any]:
    """Clock of each core and the governor, where the kernel shows them; load of the machine."""
    clocks = [number(p) for p in sorted(CPU0.parent.glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))]
    mhz = [khz / 1000 for khz in clocks if khz is not None]
    load = ask(os.getloadavg)
    return {
        "clock_mhz": mhz or None,
        "governor": read_attribute(CPU0 / "cpufreq/scaling_governor"),
        "load_average": None if load is None else list(load),
        "temperature_c": ask(_temperature),
    }


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMG]?)", text)
    if match is None:
        return 0
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2]]


def _temperature() -> float | None:
    import psutil

    values = [entry.current for group in psutil.sensors_temperatures().values() for entry in group]
    return max((value for value in values if value is not None), default=None)
