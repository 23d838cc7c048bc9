"""A device behind OpenCL: an Arc GPU on its card, and a CPU to check the same kernels on."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import byref, c_void_p
from functools import cached_property
from typing import Any

import numpy as np

from truetpot.errors import UserError
from truetpot.runtime import host
from truetpot.runtime.ask import ask, told
from truetpot.runtime.device import ClockInfo, Device, Timing, unknown_sizes
from truetpot.runtime.memory import free_bytes
from truetpot.runtime.opencl import api, identity, platforms
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.capture import EXTENSION, CommandBuffer
from truetpot.runtime.opencl.memory import BufferMemory, Memory, OutOfDeviceMemoryError, UsmMemory
from truetpot.runtime.opencl.program import Function, Programs

log = logging.getLogger(__name__)
_FLUSH = 8
"""Launches after which the driver is told to begin; one that gathers them would let a card idle."""
_GUESSED_CACHE = 64 << 20
_GUESSED_GRAIN_NS = 1000
"""Of timestamps, where the driver does not tell: brackets are then longer than they need be."""


class OpenClDevice(Device):
    """One OpenCL device with one in-order queue that takes the time of every command."""

    kind = "opencl"

    def __init__(self, name: str) -> None:
        self.name, self.cl_device = platforms.find(name)
        cl = platforms.load()
        self.context = cl.Context([self.cl_device])
        self.queue = cl.CommandQueue(
            self.context, properties=cl.command_queue_properties.PROFILING_ENABLE
        )
        extensions = platforms.extensions(self.cl_device)
        usm = "cl_intel_unified_shared_memory" in extensions
        allocator: type[Memory] = UsmMemory if usm else BufferMemory
        self.memory = allocator(self.context, self.cl_device, self.queue)
        self.programs = Programs(self.context, self.cl_device)
        self.target = identity.target(self.cl_device)
        self._enqueue, self._queue = api.enqueue_kernel(), self.queue.int_ptr
        self._event, self._flush = cl.Event.from_int_ptr, self.queue.flush
        self._launched = 0
        self._marker = cl.enqueue_marker
        self._events: list[tuple[Any, Any]] | None = None
        self._recording: CommandBuffer | None = None
        self._poisoning = False
        self.graphs = EXTENSION in extensions
        self.is_cpu = self.name.startswith("opencl:cpu")

    def function(self, build: Build, text: str) -> Function:
        """The entry point of a source that is given with its includes; raises UserError."""
        return Function(self.programs, self.memory, self.launch, build, text)

    def option_refused(self, flag: str) -> str | None:
        """Why the driver's compiler does not take an option, in one line; None if it does.

        A card that is compiled for and not there has no driver, and refuses nothing.
        """
        here: Programs | None = vars(self).get("programs")
        return None if here is None else here.refused(flag)

    def launch(
        self,
        kernel: Any,
        global_size: tuple[int, ...],
        local_size: tuple[int, ...] | None,
        alive: list[Any],
    ) -> None:
        """Submit a kernel whose arguments are set; `alive` is what they refer to."""
        if self._recording is not None:
            self._recording.record(kernel, global_size, local_size)
            self._recording.alive += alive
            return
        event = None if self._events is None else c_void_p()
        code = self._enqueue(
            self._queue,
            kernel.int_ptr,
            len(global_size),
            None,
            api.sizes(global_size),
            api.sizes(local_size),
            0,
            None,
            None if event is None else byref(event),
        )
        api.succeed(code, "a launch")
        if self._events is not None and event is not None:
            self._events.append((self._event(event.value, retain=False), None))
        self._launched += 1
        if self._launched % _FLUSH == 0:
            self._flush()

    def empty(self, shape: tuple[int, ...], dtype: Any) -> OpenClArray:
        """New memory, not initialised. Raises UserError where there is none."""
        dtype = np.dtype(dtype)
        nbytes = math.prod(shape) * dtype.itemsize
        if nbytes > self.memory.largest:
            raise UserError(
                f"{self.name} allows {self.memory.largest / 2**30:.2f} GiB in one allocation "
                f"(CL_DEVICE_MAX_MEM_ALLOC_SIZE) and {nbytes / 2**30:.2f} GiB are needed; use a "
                "smaller format, context or batch, or a larger --shard."
            )
        try:
            block = self.memory.take(nbytes)
        except OutOfDeviceMemoryError:
            raise UserError(
                f"{self.name} has no {nbytes / 2**30:.2f} GiB left; use a smaller model, format "
                "or shard."
            ) from None
        array = OpenClArray(self, block, tuple(shape), dtype)
        if self._recording is not None:
            self._recording.alive.append(block)
        if self._poisoning:
            self.poison(array)
        return array

    def upload(self, array: np.ndarray) -> OpenClArray:
        """A copy on the device."""
        self._not_recording()
        copy = self.empty(array.shape, array.dtype)
        if array.nbytes:
            bits = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            self.memory.write(copy.block.handle, copy.offset, bits)
        return copy

    def download(self, array: Any) -> np.ndarray:
        """A copy on the host."""
        self._not_recording()
        copy = np.empty(array.shape, array.dtype)
        if copy.nbytes:
            bits = copy.reshape(-1).view(np.uint8)
            self.memory.read(array.block.handle, array.offset, bits)
        return copy

    def write(self, array: Any, values: np.ndarray) -> None:
        """Into the array's part of its block."""
        self._not_recording()
        if values.nbytes:
            bits = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
            self.memory.write(array.block.handle, array.offset, bits)

    def synchronize(self) -> None:
        """Wait until the queue is empty."""
        self._not_recording()
        self.queue.finish()

    def time_calls(self, calls: Sequence[Callable[[], Any]], *, elapsed: bool = False) -> Timing:
        """The device's own timestamps of every kernel that the calls launch; else the host's."""
        count = max(1, len(calls))
        self.synchronize()
        events: list[tuple[Any, Any]] = []
        self._events = events if self._has_timestamps else None
        try:
            start = time.perf_counter()
            for call in calls:
                call()
            enqueued = time.perf_counter()
            self.synchronize()
            end = time.perf_counter()
        finally:
            self._events = None
        spans = [_span(first, last) for first, last in events]
        if not self._has_timestamps:
            device_ns = round((end - start) * 1e9)
        elif not spans:
            device_ns = 0
        elif elapsed:
            device_ns = max(last for _, last in spans) - min(first for first, _ in spans)
        else:
            device_ns = sum(last - first for first, last in spans)
        return Timing(device_ns * 1e-9 / count, (end - start) / count, (enqueued - start) / count)

    def capture(self, calls: Sequence[Callable[[], Any]]) -> Callable[[], Any] | None:
        """A command buffer; None where the driver has none or a call waits or copies."""
        if not self.graphs:
            return None
        held = list(calls)
        try:
            self._recording = recording = CommandBuffer(self.cl_device, self.queue)
            for call in held:
                recording.alive.append(call())
            recording.finalize()
        except Exception as error:  # noqa: BLE001
            # the calls have run before: whatever is raised here, by anyone, is about recording them
            log.info("%s records no command buffer: %s", self.name, error)
            return None
        finally:
            self._recording = None

        def replay() -> None:
            assert held  # the recording has their addresses only
            if self._events is None:
                recording.submit()
                return
            # a command buffer's own event has no usable times on either CPU runtime
            before = self._marker(self.queue)
            recording.submit()
            self._events.append((before, self._marker(self.queue)))

        return replay

    @cached_property
    def _has_timestamps(self) -> bool:
        """Whether the driver tells when a command began and ended."""

        def stamp() -> int:
            event = self._marker(self.queue)
            self.queue.finish()
            return int(event.profile.end)

        return ask(stamp) is not None

    def _not_recording(self) -> None:
        if self._recording is not None:
            raise RuntimeError("a call that waits or copies cannot be recorded")

    @contextmanager
    def poisoned(self) -> Iterator[None]:
        """Fill what :meth:`empty` gives with bytes that read as NaN."""
        self._poisoning = True
        try:
            yield
        finally:
            self._poisoning = False

    def poison(self, array: Any) -> None:
        """Set every byte of the block that an array is part of."""
        if isinstance(array, OpenClArray):
            self.memory.fill(array.block.handle, 0, array.block.size, 0xFF)

    def storage(self, array: Any) -> Hashable:
        """The block of memory that an array is part of."""
        return array.block if isinstance(array, OpenClArray) else None

    def clock(self) -> ClockInfo:
        """Timestamps of each command; nothing is put around it, so only their grain counts."""
        if not self._has_timestamps:
            cost_s = sorted(self.time_calls([]).wall_s for _ in range(51))[25]
            return ClockInfo("host monotonic clock around calls and a wait for the queue", cost_s)
        grain_ns = int(told(self.cl_device, "profiling_timer_resolution") or _GUESSED_GRAIN_NS)
        return ClockInfo("OpenCL profiling timestamps of each kernel", max(1, grain_ns) * 1e-9)

    def free_bytes(self) -> int | None:
        """What the device has in all less what this process holds: OpenCL tells no more."""
        known = []
        if (total := told(self.cl_device, "global_mem_size")) is not None:
            known.append(int(total) - self.memory.held_bytes + self.memory.pooled_bytes)
        if platforms.in_host_memory(self.cl_device) and (here := free_bytes()) is not None:
            known.append(here)
        return max(0, min(known)) if known else None

    def cache_bytes(self) -> int:
        """The cache that the driver reports; of a CPU, the largest that Linux does."""
        return self.told_cache() or _GUESSED_CACHE

    def told_cache(self) -> int | None:
        """The same; None where it is not told."""
        if self.is_cpu:
            return host.cache_bytes()
        return int(told(self.cl_device, "global_mem_cache_size") or 0) or None

    def notes(self) -> list[str]:
        """Of free memory, the cache and the clock."""
        notes = unknown_sizes(self.name, self.free_bytes(), self.told_cache(), _GUESSED_CACHE)
        if not self._has_timestamps:
            notes.append(
                f"{self.name} refuses timestamps: its times are the host's, launches included"
            )
        return notes

    def identity(self) -> dict[str, Any]:
        """What OpenCL tells of device, driver and platform."""
        return identity.identity(self.cl_device, self.target, self.memory, self.told_cache())

    def state(self) -> dict[str, Any]:
        """Clocks where sysfs shows them."""
        return host.state() if self.is_cpu else identity.state(self.cl_device)


def _span(event: Any, marker: Any) -> tuple[int, int]:
    """Start and end in ns of a command, or of what lies between two markers."""
    if marker is None:
        return event.profile.start, event.profile.end
    return event.profile.end, marker.profile.end
