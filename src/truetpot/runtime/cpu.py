"""The CPU as a device: calls are synchronous, so its clock is the host's."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from truetpot.runtime import host
from truetpot.runtime.device import ClockInfo, Timing, unknown_sizes
from truetpot.runtime.memory import free_bytes, huge_empty
from truetpot.runtime.torch_device import TorchDevice, as_tensor

_HUGE_FROM = 1 << 20
GUESSED_CACHE = 64 << 20
"""Where Linux lists no cache, as in some containers."""


class CpuDevice(TorchDevice):
    """All cores that this process may use, as one device."""

    kind = "cpu"
    settle_s = 0.005  # libgomp's threads spin for 300,000 rounds by default, some 3 ms
    name = "cpu"
    is_cpu = True
    torch = torch.device("cpu")

    def upload(self, array: np.ndarray) -> Tensor:
        """A copy; large ones on huge pages."""
        if array.nbytes < _HUGE_FROM:
            return super().upload(array)
        copy = huge_empty(array.nbytes).view(array.dtype).reshape(array.shape)
        copy[...] = array
        return as_tensor(copy)

    def synchronize(self) -> None:
        """Return at once: calls on a CPU are done when they return."""

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

    def free_bytes(self) -> int | None:
        """Host memory that is left, in bytes."""
        return free_bytes()

    def cache_bytes(self) -> int:
        """The largest cache that Linux lists for core 0."""
        return host.cache_bytes() or GUESSED_CACHE

    def notes(self) -> list[str]:
        """Of free memory and the cache."""
        return unknown_sizes(self.name, self.free_bytes(), host.cache_bytes(), GUESSED_CACHE)

    def identity(self) -> dict[str, Any]:
        """Model, cores, relevant features, microcode, kernel."""
        return {
            "kind": "cpu",
            "name": host.cpuinfo().get("model name", platform.processor() or platform.machine()),
            "cores": host.cores(),
            "threads": torch.get_num_threads(),
            "family_model_stepping": "/".join(
                host.cpuinfo().get(key, "?") for key in ("cpu family", "model", "stepping")
            ),
            "microcode": host.cpuinfo().get("microcode"),
            "features": [
                f
                for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")
                if f in host.cpuinfo().get("flags", "").split()
            ],
            "hypervisor": "hypervisor" in host.cpuinfo().get("flags", "").split(),
            "cache_bytes": host.cache_bytes(),
            "uuid": None,
            "pci_address": None,
            "driver": platform.release(),
        }

    def state(self) -> dict[str, Any]:
        """Clock of each core and the governor, where the kernel shows them; load of the machine."""
        return host.state()
