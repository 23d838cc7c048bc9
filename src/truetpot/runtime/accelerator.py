"""A GPU behind ``torch.accelerator``: ``xpu`` and ``cuda`` by one code path."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from truetpot.runtime import memory, nvidia, profiled, sysfs
from truetpot.runtime.ask import ask, told
from truetpot.runtime.device import ClockInfo, Timing, unknown_sizes
from truetpot.runtime.torch_device import TorchDevice

log = logging.getLogger(__name__)
_LAUNCH_BOUND = 0.8
"""When submitting takes this share of the bracket, its events may have timed the host instead."""
_GUESSED_CACHE = 512 << 20
"""Larger than any card's: rotation is then longer than it need be."""
_SMI_STATE = {
    "clock_mhz": "clocks.sm",
    "memory_clock_mhz": "clocks.mem",
    "temperature_c": "temperature.gpu",
    "power_w": "power.draw",
    "throttle": "clocks_throttle_reasons.active",
}
"""What a record says of a card's state, and what nvidia-smi calls it."""


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
        kernels = ask(lambda: self._profiled(calls))
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
        held = list(calls)
        # NCCL's own threads may call the driver meanwhile
        ranks = self.kind == "cuda" and self.group.size > 1
        mode = {"capture_error_mode": "thread_local"} if ranks else {}
        try:
            graph = self._graph_type()
            with (
                self._api.device(self.index),
                self._api.graph(graph, stream=self._capture_stream, **mode),
            ):
                for call in held:
                    call()
        except Exception as error:  # noqa: BLE001
            # the calls have run before: whatever is raised here, by anyone, is about capturing them
            log.info("%s captures no graph: %s: %s", self.name, type(error).__name__, error)
            self.synchronize()
            return None

        def replay() -> None:
            assert held  # the graph has their addresses only
            graph.replay()

        return replay

    def check_trace(self) -> None:
        """Raise UserError where this torch's profiler does not record the device's kernels."""
        if profiled.activity(self.kind) is None:
            super().check_trace()

    def record_trace(self, calls: Sequence[Callable[[], Any]], path: Path) -> None:
        """The kernels, and the launches of the host."""
        with self._api.device(self.index):
            profiled.record_trace(self.kind, calls, self.synchronize, path)

    def clock(self) -> ClockInfo:
        """Events, with the measured cost of a pair around nothing; the host's where refused."""
        source = "torch events, around graph replays behind another one where calls can be captured"
        if not self._has_events:
            source = "host monotonic clock around calls and a wait for the device"
        else_ = "; else torch profiler kernel times where launch-bound"
        return ClockInfo(source + else_, self._empty_pair_s)

    def free_bytes(self) -> int | None:
        """Device memory the driver reports as free, plus what torch holds unused.

        Where the driver does not: all less what torch has reserved, within the host's memory if it
        is that. None where the device's total is not told either.
        """
        reserved = ask(lambda: int(self._api.memory_reserved(self.index))) or 0
        unused = reserved - (ask(lambda: int(self._api.memory_allocated(self.index))) or 0)
        known = [] if self._total is None else [max(0, self._total - reserved)]
        if (told_free := self._told_free()) is not None:
            known.append(told_free)
        elif self._integrated:
            known += filter(None, [memory.free_bytes()])
        # a driver that does not notice what was allocated (pytorch/pytorch issue 161381) is no
        # reason to believe that it is still there
        return min(known) + max(0, unused) if known else None

    def cache_bytes(self) -> int:
        """L2 as the runtime reports it."""
        return self._told_cache() or _GUESSED_CACHE

    def notes(self) -> list[str]:
        """Of free memory, the cache and the clock."""
        notes = unknown_sizes(self.name, self.free_bytes(), self._told_cache(), _GUESSED_CACHE)
        if self._told_free() is None and self._total is not None:
            notes.append(
                f"torch.{self.kind}.mem_get_info is refused for {self.name}: all that torch has "
                "not reserved is taken for free, whatever other programs hold"
            )
        if not self._has_events:
            notes.append(
                f"{self.name} refuses to time events: its times are the host's, launches included"
            )
        return notes

    def identity(self) -> dict[str, Any]:
        """What torch tells of the device, by the names that most properties share."""
        return dict(self._identity)

    def state(self) -> dict[str, Any]:
        """Clocks, temperature, power and throttle reasons, of this card by its UUID or address."""
        if self.kind == "xpu":
            return dict.fromkeys(_SMI_STATE) | sysfs.card_state(self._identity["pci_address"])
        told_state = self._smi(*_SMI_STATE.values())
        return {name: told_state[query] for name, query in _SMI_STATE.items()}

    def _told_free(self) -> int | None:
        return ask(lambda: int(self._api.mem_get_info(self.index)[0]))

    def _told_cache(self) -> int | None:
        names = ("L2_cache_size", "last_level_cache_size", "global_mem_cache_size")
        sizes = (told(self._properties, name) for name in names)
        return next((int(size) for size in sizes if size), None)

    @cached_property
    def _total(self) -> int | None:
        total = told(self._properties, "total_memory")
        return total or ask(lambda: int(self._api.mem_get_info(self.index)[1])) or None

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """Asked once: kernels look up units and limits, and a driver's version starts a program."""
        p = self._properties
        name = told(p, "name") or ask(lambda: self._api.get_device_name(self.index))
        return {
            "kind": self.kind,
            "name": str(name or f"unknown {self.kind} device"),
            "uuid": self._uuid,
            "pci_address": self._pci_address,
            "pci_device_id": told(p, "device_id"),
            "integrated": self._integrated,
            "driver": told(p, "driver_version") or self._smi("driver_version")["driver_version"],
            "memory_bytes": self._total,
            "cache_bytes": self._told_cache(),
            "local_memory_bytes": told(p, "shared_memory_per_block_optin", "local_mem_size"),
            "units": told(p, "multi_processor_count", "gpu_eu_count"),
        }

    @cached_property
    def _integrated(self) -> bool | None:
        answer = told(self._properties, "is_integrated_gpu", "is_integrated")
        return None if answer is None else bool(answer)

    @cached_property
    def _uuid(self) -> str | None:
        return ask(lambda: str(self._properties.uuid or "")) or None

    @cached_property
    def _pci_address(self) -> str | None:
        """Whole or not at all: an address with a guess in it may be another card's."""
        bus = told(self._properties, "pci_bus_id")
        if isinstance(bus, str):
            return bus.lower()
        domain, slot = (told(self._properties, f"pci_{part}_id") for part in ("domain", "device"))
        if None in (domain, bus, slot):
            return None
        return f"{domain:04x}:{bus:02x}:{slot:02x}.0"

    @cached_property
    def _has_events(self) -> bool:
        """Whether the device tells times of its own: some drivers and builds of torch do not."""

        def pair() -> bool:
            first, last = self._events()
            with self._api.device(self.index):
                first.record()
                last.record()
                self.synchronize()
            return bool(first.elapsed_time(last) >= 0)

        return bool(ask(pair))

    def _events(self) -> tuple[Any, Any]:
        first, last = (torch.Event(self.torch, enable_timing=True) for _ in range(2))
        return first, last

    @cached_property
    def _capture_stream(self) -> Any:
        """Of this device: torch's own is of the device that was current at the first capture."""
        return self._api.Stream(device=self.index)

    @cached_property
    def _properties(self) -> Any:
        return ask(lambda: self._api.get_device_properties(self.index))

    @cached_property
    def _empty_pair_s(self) -> float:
        self._bracket([])
        return sorted(self._bracket([]).device_s for _ in range(51))[25]

    def _bracket(
        self, calls: Sequence[Callable[[], Any]], lead: Callable[[], Any] | None = None
    ) -> Timing:
        """With a ``lead`` the device is at work while the host submits what is timed."""
        first, last = self._events() if self._has_events else (None, None)
        count = max(1, len(calls))
        with self._api.device(self.index):  # events are of the current device's stream
            self.synchronize()
            if lead is not None:
                lead()
                if first is None:  # the host's clock cannot tell it from what is timed
                    self.synchronize()
            start = time.perf_counter()
            if first is not None:
                first.record()
            for call in calls:
                call()
            if last is not None:
                last.record()
            enqueued = time.perf_counter()
            self.synchronize()
            end = time.perf_counter()
        device = end - start if first is None else first.elapsed_time(last) * 1e-3
        return Timing(device / count, (end - start) / count, (enqueued - start) / count)

    def _profiled(self, calls: Sequence[Callable[[], Any]]) -> float | None:
        with self._api.device(self.index):
            return profiled.kernel_seconds(self.kind, calls, self.synchronize)

    def _smi(self, *fields: str) -> dict[str, str | None]:
        if self.kind != "cuda":
            return dict.fromkeys(fields)
        uuid = None if self._uuid is None else f"GPU-{self._uuid.removeprefix('GPU-')}"
        return nvidia.smi((uuid, self._pci_address), fields)
