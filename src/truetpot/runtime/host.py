"""The processor of this machine, as Linux tells of it."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

CPU0 = Path("/sys/devices/system/cpu/cpu0")


@cache
def cpuinfo() -> dict[str, str]:
    """The first processor's fields of /proc/cpuinfo."""
    try:
        text = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def cache_bytes() -> int:
    """The largest cache that Linux lists for core 0."""
    sizes = [_size(_text(p)) for p in CPU0.glob("cache/index*/size")]
    return max(sizes, default=64 << 20)


def state() -> dict[str, Any]:
    """Clock of each core and the governor, where the kernel shows them; load of the machine."""
    frequencies = map(_text, sorted(CPU0.parent.glob("cpu[0-9]*/cpufreq/scaling_cur_freq")))
    mhz = [int(text) / 1000 for text in frequencies if text.isdecimal()]
    return {
        "clock_mhz": mhz or None,
        "governor": _text(CPU0 / "cpufreq/scaling_governor") or None,
        "load_average": _load(),
        "temperature_c": _temperature(),
    }


def _text(path: Path) -> str:
    """A file's, empty where it is not there or, as files of /sys may be, not readable now."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _load() -> list[float] | None:
    try:
        return list(os.getloadavg())
    except OSError:  # no /proc
        return None


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMG]?)", text)
    if match is None:
        return 0
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2]]


def _temperature() -> float | None:
    import psutil

    try:
        sensors = psutil.sensors_temperatures()
    except (AttributeError, OSError):
        return None
    values = [entry.current for group in sensors.values() for entry in group]
    return max(values, default=None)
