"""The OpenCL calls that pyopencl does not wrap, by ctypes: extension functions and queries."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, byref, c_int32, c_size_t, c_uint32, c_void_p
from functools import cache
from typing import Any

from truetpot.runtime.opencl import platforms

SUB_GROUP_SIZES_INTEL = 0x4108  # cl_intel_required_subgroup_size
PCI_BUS_INFO_KHR = 0x410F  # cl_khr_pci_bus_info
UUID_KHR = 0x106A  # cl_khr_device_uuid
IP_VERSION_INTEL = 0x4250  # cl_intel_device_attribute_query, as are the next two
NUM_SLICES_INTEL = 0x4252
NUM_SUB_SLICES_PER_SLICE_INTEL = 0x4253


@cache
def _library() -> ctypes.CDLL:
    """The loader that pyopencl is linked to, reached through pyopencl's own module."""
    import pyopencl._cl

    platforms.load()
    return ctypes.CDLL(pyopencl._cl.__file__)


@cache
def set_kernel_arg() -> Callable[..., int]:
    """``clSetKernelArg(kernel, index, size, value)``: pyopencl's takes ten times as long."""
    function = _library().clSetKernelArg
    function.argtypes = [c_void_p, c_uint32, c_size_t, c_void_p]
    return function


@cache
def enqueue_kernel() -> Callable[..., int]:
    """``clEnqueueNDRangeKernel``, with which the event may be left out."""
    function = _library().clEnqueueNDRangeKernel
    p = c_void_p
    function.argtypes = [p, p, c_uint32, p, p, p, c_uint32, p, p]
    return function


class Clone:
    """A kernel with the arguments that another has now, on its own from then on.

    pyopencl's ``clone`` asks the driver about every argument again, which takes milliseconds.
    Raises RuntimeError where the driver refuses.
    """

    def __init__(self, kernel: Any) -> None:
        function, code = _library().clCloneKernel, c_int32()
        function.argtypes, function.restype = [c_void_p, POINTER(c_int32)], c_void_p
        self.int_ptr: int | None = function(kernel.int_ptr, byref(code))
        succeed(code.value, "a copy of a kernel")

    def __del__(self) -> None:
        if getattr(self, "int_ptr", None):
            release = _library().clReleaseKernel
            release.argtypes = [c_void_p]
            release(self.int_ptr)


@cache
def sizes(lengths: tuple[int, ...] | None) -> ctypes.Array[c_size_t] | None:
    """Lengths as OpenCL takes them."""
    return None if lengths is None else (c_size_t * len(lengths))(*lengths)


def query(device: Any, what: int, nbytes: int) -> bytes | None:
    """Up to `nbytes` of a device's answer to a query; None where it does not know it."""
    ask = _library().clGetDeviceInfo
    ask.argtypes = [c_void_p, c_uint32, c_size_t, c_void_p, POINTER(c_size_t)]
    answer, length = ctypes.create_string_buffer(nbytes), c_size_t()
    if ask(device.int_ptr, what, nbytes, answer, byref(length)) != 0:
        return None
    return answer.raw[: length.value]


def extension(device: Any, name: str, *args: Any, returns: Any = c_int32) -> Callable[..., Any]:
    """An extension's function of the device's platform, with these argument types."""
    ask = _library().clGetExtensionFunctionAddressForPlatform
    ask.argtypes, ask.restype = [c_void_p, ctypes.c_char_p], c_void_p
    address = ask(device.platform.int_ptr, name.encode())
    if not address:
        raise NotImplementedError(f"{device.platform.name} offers no {name}")
    return ctypes.CFUNCTYPE(returns, *args)(address)


def succeed(code: int, what: str) -> None:
    """Raise RuntimeError for what is not CL_SUCCESS."""
    if code != 0:
        cl = platforms.load()
        raise RuntimeError(f"{what} failed: {cl.status_code.to_string(code, f'error {code}')}")
