"""``cl_khr_command_buffer``: launches recorded once and submitted again as a whole."""

from __future__ import annotations

import ctypes
from ctypes import c_int32, c_uint32, c_uint64, c_void_p
from typing import Any

from truetpot.runtime.opencl import api, platforms

EXTENSION = "cl_khr_command_buffer"
_CAPABILITIES = 0x12A9
_SIMULTANEOUS_USE = 1 << 2  # of the device's capabilities
_FLAGS = 0x1293
_FLAG_SIMULTANEOUS_USE = 1 << 0


class CommandBuffer:
    """A recording for one in-order queue. Raises RuntimeError for what the driver refuses."""

    def __init__(self, device: Any, queue: Any) -> None:
        p, u = c_void_p, c_uint32
        self._queue = queue
        create = api.extension(device, "clCreateCommandBufferKHR", u, p, p, p, returns=p)
        self._record = api.extension(
            device, "clCommandNDRangeKernelKHR", p, p, p, p, u, p, p, p, u, p, p, p
        )
        self._finalize = api.extension(device, "clFinalizeCommandBufferKHR", p)
        self._enqueue = api.extension(device, "clEnqueueCommandBufferKHR", u, p, p, u, p, p)
        self._release = api.extension(device, "clReleaseCommandBufferKHR", p)
        able = int.from_bytes(api.query(device, _CAPABILITIES, 8) or b"", "little")
        self._again = bool(able & _SIMULTANEOUS_USE)
        flags = (c_uint64 * 3)(_FLAGS, _FLAG_SIMULTANEOUS_USE if self._again else 0, 0)
        code = c_int32()
        handle = (p * 1)(queue.int_ptr)
        self._buffer = create(1, handle, flags if self._again else None, ctypes.byref(code))
        api.succeed(code.value, "creating a command buffer")
        self.alive: list[Any] = []
        """What the recorded commands refer to: memory, sub-buffers, kernels."""
        self._last: Any = None

    def record(
        self, kernel: Any, global_size: tuple[int, ...], local_size: tuple[int, ...] | None
    ) -> None:
        """Add a launch with the arguments that the kernel has now."""
        kernel = api.Clone(kernel)  # PoCL 3.1 takes a kernel's arguments when all is submitted
        self.alive.append(kernel)
        code = self._record(
            self._buffer,
            None,
            None,
            kernel.int_ptr,
            len(global_size),
            None,
            api.sizes(global_size),
            api.sizes(local_size),
            0,
            None,
            None,
            None,
        )
        api.succeed(code, "recording a launch")

    def finalize(self) -> None:
        """Close the command buffer: no more launches are recorded."""
        api.succeed(self._finalize(self._buffer), "finalizing a command buffer")

    def submit(self) -> None:
        """Submit all that was recorded, once more."""
        if not self._again and self._last is not None:
            self._last.wait()
        event = c_void_p()
        code = self._enqueue(0, None, self._buffer, 0, None, ctypes.byref(event))
        api.succeed(code, "submitting a command buffer")
        self._last = platforms.load().Event.from_int_ptr(event.value, retain=False)

    def __del__(self) -> None:
        if getattr(self, "_buffer", None):
            self._release(self._buffer)
