"""Time comes from the device's own stamps; a captured sequence does what the calls did."""

import numpy as np
import pytest

from tests.prepared import check
from truetpot.ops import SILU_MUL, SiluMulCase
from truetpot.ops.registry import REGISTRY

pytestmark = pytest.mark.opencl

CASE = SiluMulCase("fp32", 16, 4096)


@pytest.fixture
def kernel(device):
    REGISTRY.load_builtin()
    return REGISTRY.build("silu_mul", "opencl", CASE, device)


@pytest.fixture
def inputs(device):
    rng = np.random.default_rng(0)
    return [device.upload(SILU_MUL.inputs(CASE, rng)["gate_up"]) for _ in range(3)]


def test_kernel_times_add_up_to_less_than_what_elapsed(device, kernel, inputs):
    calls = [lambda x=x: kernel(gate_up=x) for x in inputs * 10]
    device.time_calls(calls)
    alone = device.time_calls(calls)
    whole = device.time_calls(calls, elapsed=True)
    assert 0 < alone.device_s < alone.wall_s
    assert 0 < whole.device_s <= whole.wall_s * 1.001
    assert 0 < alone.enqueue_s < alone.wall_s
    # more work takes longer by this clock: thirty calls' stamps against one call's
    one = device.time_calls(calls[:1])
    assert whole.device_s * 30 > one.device_s


def test_nothing_takes_no_time(device):
    timing = device.time_calls([])
    assert timing.device_s == 0
    assert timing.wall_s >= 0


def test_a_captured_sequence_repeats_the_calls_on_their_memory(device, kernel, inputs):
    if not device.graphs:
        pytest.skip(f"{device.name} has no command buffers")
    want = [device.download(kernel(gate_up=x)) for x in inputs]
    outs = []
    replay = device.capture([lambda x=x: outs.append(kernel(gate_up=x)) for x in inputs])
    assert replay is not None
    for _ in range(2):
        for out in outs:
            device.poison(out)
        replay()
        replay()
        for out, right in zip(outs, want, strict=True):
            np.testing.assert_array_equal(device.download(out), right)
    # what runs beside it must not get the memory that the next replay writes to
    blocks = {out.block.handle for out in outs}
    outs.clear()
    fresh = [kernel(gate_up=inputs[0]) for _ in range(4)]
    assert not blocks & {out.block.handle for out in fresh}
    timing = device.time_calls([replay] * 3, elapsed=True)
    assert 0 < timing.device_s <= timing.wall_s
    # the least of some: on a busy machine one alone may have waited for a core
    alone = [device.time_calls([lambda: kernel(gate_up=inputs[0])]).device_s for _ in range(5)]
    assert timing.device_s > min(alone) * 0.5, "three kernels' time, not a marker's"


def test_what_waits_or_copies_is_not_captured(device, kernel, inputs):
    assert device.capture([device.synchronize]) is None
    assert device.capture([lambda: device.download(kernel(gate_up=inputs[0]))]) is None
    assert np.isfinite(device.download(kernel(gate_up=inputs[0]))).all(), "and runs on"


def test_a_kernel_that_writes_nothing_is_found_out(kernel, monkeypatch):
    assert check(kernel, CASE).ok
    for function in kernel.functions:
        monkeypatch.setattr(function, "launch", lambda *_: None)
    found = check(kernel, CASE)
    assert not found.ok


def test_identity_tells_what_decides_about_kernels(device):
    identity = device.identity()
    assert identity["memory_kind"] in ("usm", "cl_mem")
    assert identity["platform"]
    assert identity["largest_allocation_bytes"] == device.memory.largest
    assert device.target.name == identity["target"]
    if identity["platform"].startswith("Intel"):
        assert {8, 16} <= set(identity["subgroups"])
        assert device.target.half
