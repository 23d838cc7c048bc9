"""Device memory: USM where the driver offers it, ``cl_mem`` elsewhere, and a pool above either.

Both give the same five operations on (handle, offset): allocate, free, write, read, fill; and set a
kernel's argument. Everything goes through one in-order queue, so memory may be used again as soon
as the last array on it is gone, whatever the queue still has to do with it.
"""

from __future__ import annotations

import ctypes
import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from ctypes import c_size_t, c_uint32, c_void_p
from typing import Any

import numpy as np

from truetpot.runtime.ask import told
from truetpot.runtime.opencl import platforms
from truetpot.runtime.opencl.api import extension, set_kernel_arg, succeed

_POOLED = 64 << 20
"""Blocks up to this size are kept for the next array of their size: activations, not weights."""
_GRANULE = 256
MOST_ALIGN_BITS = 4096 * 8
"""Where the driver does not tell at which addresses a view may begin: a page is enough anywhere."""


class OutOfDeviceMemoryError(MemoryError):
    """An allocation failed with nothing left to give back."""


class Memory(ABC):
    """Blocks of one device's memory."""

    kind: str

    def __init__(self, context: Any, device: Any, queue: Any) -> None:
        self.context, self.device, self.queue = context, device, queue
        self.largest = int(told(device, "max_mem_alloc_size", "global_mem_size") or sys.maxsize)
        self.held_bytes = 0
        self.pooled_bytes = 0
        self._free: dict[int, list[Any]] = defaultdict(list)

    def take(self, nbytes: int) -> Block:
        """A block of at least `nbytes`. Raises OutOfDeviceMemoryError."""
        size = -(-max(1, nbytes) // _GRANULE) * _GRANULE
        if free := self._free[size]:
            self.pooled_bytes -= size
            return Block(self, free.pop(), size)
        handle = self._allocate(size)
        if handle is None and self.pooled_bytes:
            self.empty_pool()
            handle = self._allocate(size)
        if handle is None:
            raise OutOfDeviceMemoryError
        self.held_bytes += size
        return Block(self, handle, size)

    def give(self, handle: Any, size: int) -> None:
        """Take a block back for later allocations."""
        if size <= _POOLED:
            self._free[size].append(handle)
            self.pooled_bytes += size
        else:
            self.held_bytes -= size
            self._release(handle)

    def empty_pool(self) -> None:
        """Give what no array uses back to the driver."""
        self.queue.finish()
        for size, handles in self._free.items():
            for handle in handles:
                self.held_bytes -= size
                self._release(handle)
        self._free.clear()
        self.pooled_bytes = 0

    @abstractmethod
    def _allocate(self, nbytes: int) -> Any | None:
        """A handle; None if there is no memory for it."""

    @abstractmethod
    def _release(self, handle: Any) -> None: ...

    @abstractmethod
    def set_argument(self, kernel: int, index: int, handle: Any, offset: int, nbytes: int) -> Any:
        """Point an argument of a kernel, given by its address, at a block's bytes from `offset` on.

        What is returned has to live until the kernel is enqueued.
        """

    @abstractmethod
    def write(self, handle: Any, offset: int, array: np.ndarray) -> None:
        """Copy from the host and wait."""

    @abstractmethod
    def read(self, handle: Any, offset: int, array: np.ndarray) -> None:
        """Copy to the host and wait."""

    @abstractmethod
    def fill(self, handle: Any, offset: int, nbytes: int, byte: int) -> None:
        """Set so many bytes of a block to one value."""


class Block:
    """Memory that goes back when nothing refers to it any more."""

    __slots__ = ("handle", "memory", "size")

    def __init__(self, memory: Memory, handle: Any, size: int) -> None:
        self.memory, self.handle, self.size = memory, handle, size

    def __del__(self) -> None:
        self.memory.give(self.handle, self.size)


class UsmMemory(Memory):
    """``clDeviceMemAllocINTEL``: plain pointers, so that a view may begin anywhere."""

    kind = "usm"

    def __init__(self, context: Any, device: Any, queue: Any) -> None:
        super().__init__(context, device, queue)
        p, n, u = c_void_p, c_size_t, c_uint32
        wait = (u, p, p)
        self._alloc = extension(device, "clDeviceMemAllocINTEL", p, p, p, n, u, p, returns=p)
        self._blocking_free = extension(device, "clMemBlockingFreeINTEL", p, p)
        self._set = extension(device, "clSetKernelArgMemPointerINTEL", p, u, p)
        self._copy = extension(device, "clEnqueueMemcpyINTEL", p, u, p, p, n, *wait)
        self._fill = extension(device, "clEnqueueMemFillINTEL", p, p, p, n, n, *wait)
        self._queue, self._context = queue.int_ptr, context.int_ptr

    def _allocate(self, nbytes: int) -> int | None:
        code = ctypes.c_int32()
        where = self._alloc(
            self._context, self.device.int_ptr, None, nbytes, _GRANULE, ctypes.byref(code)
        )
        return where or None

    def _release(self, handle: int) -> None:
        self._blocking_free(self._context, handle)

    def set_argument(self, kernel: int, index: int, handle: int, offset: int, nbytes: int) -> Any:
        """Pass a block as a kernel's pointer."""
        succeed(self._set(kernel, index, handle + offset), "setting an argument")

    def write(self, handle: int, offset: int, array: np.ndarray) -> None:
        """Copy from the host and wait."""
        self._memcpy(handle + offset, array.ctypes.data, array.nbytes)

    def read(self, handle: int, offset: int, array: np.ndarray) -> None:
        """Copy to the host and wait."""
        self._memcpy(array.ctypes.data, handle + offset, array.nbytes)

    def fill(self, handle: int, offset: int, nbytes: int, byte: int) -> None:
        """Set so many bytes of a block to one value."""
        pattern = ctypes.c_uint8(byte)
        code = self._fill(
            self._queue, handle + offset, ctypes.byref(pattern), 1, nbytes, 0, None, None
        )
        succeed(code, "filling memory")

    def _memcpy(self, to: int, source: int, nbytes: int) -> None:
        succeed(self._copy(self._queue, 1, to, source, nbytes, 0, None, None), "a copy")


class BufferMemory(Memory):
    """``cl_mem``: a view is a sub-buffer and has to begin on a boundary of the device's."""

    kind = "cl_mem"

    def __init__(self, context: Any, device: Any, queue: Any) -> None:
        super().__init__(context, device, queue)
        self.align = int(told(device, "mem_base_addr_align") or MOST_ALIGN_BITS) // 8

    def _allocate(self, nbytes: int) -> Any | None:
        cl = platforms.load()
        try:
            return cl.Buffer(self.context, cl.mem_flags.READ_WRITE, nbytes)
        except cl.Error as error:
            if error.code in _NO_MEMORY:
                return None
            raise

    def _release(self, handle: Any) -> None:
        handle.release()

    def set_argument(self, kernel: int, index: int, handle: Any, offset: int, nbytes: int) -> Any:
        """The buffer, or a part of it."""
        if offset:
            if offset % self.align:
                raise ValueError(
                    f"a view {offset} bytes into its array cannot be a kernel's argument here: "
                    f"rows have to be a multiple of {self.align} bytes"
                )
            handle = handle.get_sub_region(offset, nbytes)
        where = c_void_p(handle.int_ptr)
        code = set_kernel_arg()(kernel, index, ctypes.sizeof(where), ctypes.byref(where))
        succeed(code, "setting an argument")
        return handle

    def write(self, handle: Any, offset: int, array: np.ndarray) -> None:
        """Copy from the host and wait."""
        platforms.load().enqueue_copy(self.queue, handle, array, dst_offset=offset)

    def read(self, handle: Any, offset: int, array: np.ndarray) -> None:
        """Copy to the host and wait."""
        platforms.load().enqueue_copy(self.queue, array, handle, src_offset=offset)

    def fill(self, handle: Any, offset: int, nbytes: int, byte: int) -> None:
        """Set so many bytes of a block to one value."""
        pattern = np.uint8(byte)
        platforms.load().enqueue_fill_buffer(self.queue, handle, pattern, offset, nbytes)


# MEM_OBJECT_ALLOCATION_FAILURE, OUT_OF_RESOURCES, OUT_OF_HOST_MEMORY
_NO_MEMORY = (-4, -5, -6)
