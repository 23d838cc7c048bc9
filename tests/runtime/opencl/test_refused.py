"""What an OpenCL driver does not answer is unknown; the device works on, and says so."""

import pytest

from tests.prepared import check
from truetpot.ops import SiluMulCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.opencl import platforms
from truetpot.runtime.opencl.device import OpenClDevice

pytestmark = pytest.mark.opencl

FIELD = {"driver_version": "driver", "version": "opencl", "global_mem_size": "memory_bytes"}
"""What an attribute becomes in the identity."""
OTHERS = (
    "name", "extensions", "local_mem_size", "max_compute_units", "max_mem_alloc_size",
    "global_mem_cache_size", "host_unified_memory", "mem_base_addr_align",
    "profiling_timer_resolution",
)  # fmt: skip


class Refusing:
    """A driver's device, some of whose attributes raise; with ``names`` empty, none."""

    def __init__(self, device, *names):
        self._device, self._names = device, names

    def __getattr__(self, name):
        if name in self._names or ("every" in self._names and name in {*FIELD, *OTHERS}):
            raise platforms.load().LogicError(f"clGetDeviceInfo {name}: INVALID_VALUE")
        return getattr(self._device, name)


def refusing(device, monkeypatch, *names):
    """The same device made anew, where these attributes cannot be read."""
    real = device.cl_device
    monkeypatch.setattr(platforms, "find", lambda name: (device.name, Refusing(real, *names)))
    context = platforms.load().Context
    monkeypatch.setattr(platforms.load(), "Context", lambda devices: context([real]))
    made = OpenClDevice(device.name)
    made.programs.device = real  # pyopencl takes its own class only
    return made


@pytest.mark.parametrize("name", [*FIELD, *OTHERS])
def test_one_that_is_refused_is_unknown_and_the_others_are_not(device, monkeypatch, name):
    whole, told = device.identity(), refusing(device, monkeypatch, name)
    identity = told.identity()
    assert identity.keys() == whole.keys()
    for field in FIELD.values():
        lost = field == FIELD.get(name)
        assert identity[field] == (None if lost else whole[field]), field
    assert told.free_bytes() > 0
    assert told.cache_bytes() > 0
    assert told.clock().empty_pair_s > 0
    assert {"clock_mhz", "temperature_c"} <= set(told.state())


def test_kernels_are_right_on_a_device_that_tells_nothing(device, monkeypatch):
    told = refusing(device, monkeypatch, "every")
    case = SiluMulCase("fp32", 4, 64)
    REGISTRY.load_builtin()
    kernel = REGISTRY.build("silu_mul", "opencl", case, told)
    verdict = check(kernel, case)
    assert verdict.ok, verdict.reason
    x = verdict.inputs["gate_up"]
    assert told.time_calls([lambda: kernel(gate_up=x)]).device_s > 0


def test_without_timestamps_times_are_the_hosts_and_said_to_be(device, monkeypatch):
    def marker(_):
        raise platforms.load().RuntimeError("PROFILING_INFO_NOT_AVAILABLE")

    monkeypatch.setattr(device, "_marker", marker)
    assert device.clock().source.startswith("host monotonic clock")
    assert device.clock().empty_pair_s > 0
    timing = device.time_calls([lambda: device.empty((4,), "float32")])
    assert timing.device_s == pytest.approx(timing.wall_s, abs=1e-9)
    assert any("refuses timestamps" in note for note in device.notes())


def test_a_platform_that_fails_does_not_hide_the_others(device, monkeypatch):
    class Broken:
        def get_devices(self):
            raise platforms.load().LogicError("clGetDeviceIDs: OUT_OF_HOST_MEMORY")

    real = platforms.load().get_platforms()
    monkeypatch.setattr(platforms.load(), "get_platforms", lambda: [Broken(), *real])
    platforms.devices.cache_clear()
    try:
        assert device.name in platforms.devices()
    finally:
        monkeypatch.undo()
        platforms.devices.cache_clear()
