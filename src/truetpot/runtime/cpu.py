"""The CPU as a device: calls are synchronous, so its clock is the host's."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from truetpot.runtime.device import ClockInfo, Timing
from truetpot.runtime.memory import free_bytes, huge_empty
from truetpot.runtime.torch_device import TorchDevice, as_tensor

_HUGE_FROM = 1 << 20
_CPU0 = Path("/sys/devices/system/cpu/cpu0")


class CpuDevice(TorchDevice):
    """All cores that this process may use, as one device."""

    kind = "cpu"
    settle_s = 0.005  # libgomp's threads spin for 300,000 rounds by default, some 3 ms
    name = "cpu"
    torch = torch.device("cpu")

    def upload(self, array: np.ndarray) -> Tensor:
        """A copy; large ones on huge pages."""
        if array.nbytes < _HUGE_FROM:
            return super().upload(array)
        copy = huge_empty(array.nbytes).view(array.dtype).reshape(array.shape)
        copy[...] = array
        return as_tensor(copy)

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def time_calls(self, calls: Sequence[Callable[[], Any]], *, elapsed: bool = False) -> Timing:
        """Host clock around the calls: on a CPU, device time is wall time."""
        start = time.perf_counter_ns()
        for call in calls:
            call()
        each = (time.perf_counter_ns() - start) / len(calls) * 1e-9
        return Timing(each, each, each)

    def clock(self) -> ClockInfo:
        """The monotonic clock and what reading it twice costs."""
        costs = []
        for _ in range(1001):
            start = time.perf_counter_ns()
            costs.append((time.perf_counter_ns() - start) * 1e-9)
        return ClockInfo("host monotonic clock (a CPU has no other)", sorted(costs)[500])

    def free_bytes(self) -> int:
        """Host memory left."""
        return free_bytes()

    def cache_bytes(self) -> int:
        """The largest cache that Linux lists for core 0."""
        sizes = [_size(p.read_text()) for p in _CPU0.glob("cache/index*/size")]
        return max(sizes, default=64 << 20)

    def identity(self) -> dict[str, Any]:
        """Model, cores, relevant features, microcode, kernel."""
        return {
            "kind": "cpu",
            "name": _cpuinfo().get("model name", platform.processor() or platform.machine()),
            "cores": len(os.sched_getaffinity(0)),
            "threads": torch.get_num_threads(),
            "family_model_stepping": "/".join(
                _cpuinfo().get(key, "?") for key in ("cpu family", "model", "stepping")
            ),
            "microcode": _cpuinfo().get("microcode"),
            "features": [
                f
                for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")
                if f in _cpuinfo().get("flags", "").split()
            ],
            "hypervisor": "hypervisor" in _cpuinfo().get("flags", "").split(),
            "cache_bytes": self.cache_bytes(),
            "uuid": None,
            "pci_address": None,
            "driver": platform.release(),
        }

    def state(self) -> dict[str, Any]:
        """Clock of each core and the governor, where the kernel shows them; load of the machine."""
        mhz = [
            int(p.read_text()) / 1000
            for p in sorted(_CPU0.parent.glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))
        ]
        governor = _CPU0 / "cpufreq/scaling_governor"
        return {
            "clock_mhz": mhz or None,
            "governor": governor.read_text().strip() if governor.exists() else None,
            "load_average": list(os.getloadavg()),
            "temperature_c": _temperature(),
        }


@cache
def _cpuinfo() -> dict[str, str]:
    """The first processor's fields of /proc/cpuinfo."""
    try:
        text = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMG]?)", text.strip())
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
