"""The device contract, on every device that is here."""

import ml_dtypes
import numpy as np
import pytest
import torch

from truetpot.errors import UserError
from truetpot.runtime import choose
from truetpot.runtime.choose import choose_device, present


def marks(name):
    if name.startswith("opencl"):
        return pytest.mark.opencl
    return () if name == "cpu" else pytest.mark.gpu


DEVICES = [pytest.param(name, marks=marks(name)) for name in present()]
DTYPES = [
    np.float32,
    np.float16,
    ml_dtypes.bfloat16,
    ml_dtypes.float8_e5m2,
    np.uint8,
    np.int32,
    np.int64,
]


@pytest.fixture(params=DEVICES)
def device(request):
    return choose_device(request.param)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_arrays_go_and_come_back_unchanged(device, dtype):
    bits = np.random.default_rng(0).bytes(7 * 5 * np.dtype(dtype).itemsize)
    array = np.frombuffer(bits, dtype=dtype).reshape(7, 5)
    back = device.download(device.upload(array))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    np.testing.assert_array_equal(back.view(np.uint8), array.view(np.uint8))


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
@pytest.mark.parametrize("rows", [3, 3000])  # the second is above 8 MiB: huge pages on a CPU
def test_both_ways_are_copies(device, rows, dtype):
    array = np.ones((rows, 2000), dtype=dtype)
    there = device.upload(array)
    array[...] = 2
    back = device.download(there)
    assert (back == 1).all()
    back[...] = 3
    assert (device.download(there) == 1).all()


def test_strided_empty_and_scalar_arrays(device):
    array = np.arange(24, dtype=np.float32).reshape(4, 6)
    for view in (array.T, array[::2, 1:], array[:0], np.float32(3).reshape(())):
        back = device.download(device.upload(view))
        np.testing.assert_array_equal(back, view)


def test_a_strided_tensor_comes_back_in_its_own_order(device):
    if device.kind == "opencl":
        pytest.skip("arrays of OpenCL are contiguous")
    there = device.upload(np.arange(6, dtype=np.float32).reshape(2, 3))
    want = [[0, 3], [1, 4], [2, 5]]
    assert device.download(there.T).tolist() == want


def test_calls_are_timed_in_order(device):
    if device.kind == "opencl":
        pytest.skip("without kernels nothing runs there: see tests/runtime/opencl")
    a = torch.ones(256, 256, device=device.torch)
    seen = []

    def call(i):
        return lambda: (seen.append(i), a @ a)

    timing = device.time_calls([call(i) for i in range(200)])
    assert seen[:200] == list(range(200))
    assert 0 < timing.device_s <= timing.wall_s * 1.05
    assert timing.enqueue_s <= timing.wall_s


def test_clock_says_what_it_costs(device):
    clock = device.clock()
    assert clock.source
    assert 0 <= clock.empty_pair_s < 1e-3


def test_memory_and_cache_sizes(device):
    assert 1 << 20 < device.free_bytes() < 1 << 50
    assert 1 << 10 < device.cache_bytes() < 1 << 40


def test_identity_and_state(device):
    identity, state = device.identity(), device.state()
    assert identity["kind"] == device.kind
    assert identity["name"]
    assert {"uuid", "pci_address", "driver", "cache_bytes"} <= set(identity)
    if device.kind in ("xpu", "cuda"):
        assert identity["pci_address"] or identity["uuid"]
    assert {"clock_mhz", "temperature_c"} <= set(state)


def test_auto_is_the_best_and_an_accelerator_without_number_the_first(monkeypatch):
    assert choose_device().name == present()[0]
    monkeypatch.setattr(choose, "_accelerators", lambda: ["xpu:0", "xpu:1"])
    for name, index in (("auto", 0), ("xpu", 0), ("xpu:1", 1)):
        if not hasattr(torch, "xpu"):
            pytest.skip("this torch knows no xpu")
        assert choose_device(name).name == f"xpu:{index}"
    assert choose_device("cpu").name == "cpu"


@pytest.mark.parametrize("name", ["tpu", "xpu:", "cpu:0", "", "XPU"])
def test_an_unknown_device(name):
    with pytest.raises(UserError, match="use auto, cpu, xpu"):
        choose_device(name)


@pytest.mark.parametrize("name", ["xpu:77", "cuda:77"])
def test_a_device_that_is_absent(name):
    with pytest.raises(UserError, match=f"{name} is not on this machine.* cpu"):
        choose_device(name)
