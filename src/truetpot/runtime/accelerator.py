"""A GPU behind ``torch.accelerator``: ``xpu`` and ``cuda`` by one code path."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch

from truetpot.runtime.device import ClockInfo, Timing
from truetpot.runtime.distributed.group import current
from truetpot.runtime.torch_device import TorchDevice

_LAUNCH_BOUND = 0.8
"""When submitting takes this share of the bracket, its events may have timed the host instead."""


class AcceleratorDevice(TorchDevice):
    """``xpu:i`` or ``cuda:i``; timed and captured as torch's current device, whichever that was."""

    def __init__(self, kind: str, index: int) -> None:
        self.kind = kind  # type: ignore[misc]
        self.index = index
        self.name = f"{kind}:{index}"
        self.torch = torch.device(kind, index)
        self._api = getattr(torch, kind)
        self._graph_type = getattr(self._api, f"{kind.upper()}Graph", None)
        self.graphs = self._graph_type is not None

    def use(self) -> None:
        """Make it torch's current device: Triton launches there, wherever the arrays are."""
        self._api.set_device(self.index)

    def synchronize(self) -> None:
        """Wait for every stream of the device."""
        self._api.synchronize(self.index)

    def time_calls(self, calls: Sequence[Callable[[], Any]], *, elapsed: bool = False) -> Timing:
        """An event pair around the calls; the profiler's kernel times where launches dominate."""
        timing = self._bracket(calls)
        if elapsed or timing.enqueue_s < _LAUNCH_BOUND * timing.wall_s:
            return timing
        kernels = self._profiled(calls)
        return Timing(kernels or timing.device_s, timing.wall_s, timing.enqueue_s)

    def time_replays(self, replay: Callable[[], Any], count: int) -> Timing:
        """Twice: as the host sees it, and behind one more replay, for the device's time.

        The first event is reached at once by a device that has nothing to do, which then waits for
        the host: 0.2 ms for a graph of 320 kernels on an H200, 4 % of the step.
        """
        calls = [replay] * count
        seen = self._bracket(calls)
        behind = self._bracket(calls, lead=replay)
        if seen.wall_s < seen.device_s:  # the clocks contradict each other: for the caller to see
            return seen
        # two takes of the same work: that one is a little slower by chance is no contradiction
        wall_s = max(seen.wall_s, behind.device_s)
        return Timing(behind.device_s, wall_s, seen.enqueue_s)

    def capture(self, calls: Sequence[Callable[[], Any]]) -> Callable[[], Any] | None:
        """A CUDAGraph or XPUGraph; None where torch has none or a call cannot be captured.

        Not capturable is what makes the host wait or copies from it, in anyone's kernel.
        """
        if self._graph_type is None:
            return None
        graph, held = self._graph_type(), list(calls)
        # NCCL's own threads may call the driver meanwhile
        ranks = self.kind == "cuda" and current().size > 1
        mode = {"capture_error_mode": "thread_local"} if ranks else {}
        try:
            with (
                self._api.device(self.index),
                self._api.graph(graph, stream=self._capture_stream, **mode),
            ):
                for call in held:
                    call()
        except RuntimeError:
            self.synchronize()
            return None

        def replay() -> None:
            assert held  # the graph has their addresses only
            graph.replay()

        return replay

    def clock(self) -> ClockInfo:
        """Events, with the measured cost of a pair around nothing."""
        return ClockInfo(
            "torch events, around graph replays behind another one where calls can be captured; "
            "else torch profiler kernel times where launch-bound",
            self._empty_pair_s,
        )

    def free_bytes(self) -> int:
        """Device memory the driver reports as free, plus what torch holds unused."""
        free, _ = self._api.mem_get_info(self.index)
        held = self._api.memory_reserved(self.index) - self._api.memory_allocated(self.index)
        return int(free + held)

    def cache_bytes(self) -> int:
        """L2 as the runtime reports it."""
        properties = self._properties
        for name in ("L2_cache_size", "last_level_cache_size", "global_mem_cache_size"):
            if size := getattr(properties, name, 0):
                return int(size)
        return 512 << 20  # larger than any card's: rotation is then longer than it need be

    def identity(self) -> dict[str, Any]:
        """What torch tells of the device, by the names that most properties share."""
        p = self._properties
        pci = getattr(p, "pci_bus_id", None)
        if isinstance(pci, int):
            domain, slot = getattr(p, "pci_domain_id", 0), getattr(p, "pci_device_id", 0)
            pci = f"{domain:04x}:{pci:02x}:{slot:02x}.0"
        return {
            "kind": self.kind,
            "name": p.name,
            "uuid": str(getattr(p, "uuid", None) or "") or None,
            "pci_address": pci,
            "pci_device_id": getattr(p, "device_id", None),
            "driver": getattr(p, "driver_version", None) or self._smi("driver_version"),
            "memory_bytes": p.total_memory,
            "cache_bytes": self.cache_bytes(),
            "local_memory_bytes": getattr(p, "shared_memory_per_block_optin", None)
            or getattr(p, "local_mem_size", None),
            "units": getattr(p, "multi_processor_count", None) or getattr(p, "gpu_eu_count", None),
        }

    def state(self) -> dict[str, Any]:
        """Clocks, temperature, power and throttle reasons, where ``nvidia-smi`` is there to ask."""
        fields = {
            "clock_mhz": "clocks.sm",
            "memory_clock_mhz": "clocks.mem",
            "temperature_c": "temperature.gpu",
            "power_w": "power.draw",
            "throttle": "clocks_throttle_reasons.active",
        }
        return {name: self._smi(query) for name, query in fields.items()}

    @cached_property
    def _capture_stream(self) -> Any:
        """Of this device: torch's own is of the device that was current at the first capture."""
        return self._api.Stream(device=self.index)

    @cached_property
    def _properties(self) -> Any:
        return self._api.get_device_properties(self.index)

    @cached_property
    def _empty_pair_s(self) -> float:
        self._bracket([])
        return sorted(self._bracket([]).device_s for _ in range(51))[25]

    def _bracket(
        self, calls: Sequence[Callable[[], Any]], lead: Callable[[], Any] | None = None
    ) -> Timing:
        """With a ``lead`` the device is at work while the host submits what is timed."""
        first, last = (torch.Event(self.torch, enable_timing=True) for _ in range(2))
        count = max(1, len(calls))
        with self._api.device(self.index):  # events are of the current device's stream
            self.synchronize()
            if lead is not None:
                lead()
            start = time.perf_counter()
            first.record()
            for call in calls:
                call()
            last.record()
            enqueued = time.perf_counter()
            self.synchronize()
            end = time.perf_counter()
        device = first.elapsed_time(last) * 1e-3
        return Timing(device / count, (end - start) / count, (enqueued - start) / count)

    def _profiled(self, calls: Sequence[Callable[[], Any]]) -> float | None:
        """Sum of the kernels' own times per call, from the profiler's per-kernel timestamps."""
        activity = getattr(torch.profiler.ProfilerActivity, self.kind.upper(), None)
        if activity is None:
            return None
        with (
            self._api.device(self.index),
            torch.profiler.profile(activities=[activity], acc_events=True) as profile,
        ):
            for call in calls:
                call()
            self.synchronize()
        total_us = sum(e.self_device_time_total for e in profile.key_averages())
        return total_us * 1e-6 / len(calls) if total_us > 0 else None

    def _smi(self, query: str) -> str | None:
        if self.kind != "cuda" or (smi := shutil.which("nvidia-smi")) is None:
            return None
        what = [f"--id={self.index}", f"--query-gpu={query}"]
        command = [smi, *what, "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() or None
