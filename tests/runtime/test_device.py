"""The device contract, on every device that is here."""

from contextlib import nullcontext
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
import torch

from truetpot.errors import UserError
from truetpot.runtime import accelerator, choose
from truetpot.runtime.accelerator import AcceleratorDevice
from truetpot.runtime.choose import choose_device, present
from truetpot.runtime.device import Timing


def marks(name):
    if name.startswith("opencl"):
        return pytest.mark.opencl
    return () if name == "cpu" else pytest.mark.gpu


DEVICES = [pytest.param(name, marks=marks(name)) for name in present()]
OF_TORCH = [name for name in DEVICES if not name.values[0].startswith("opencl")]
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


@pytest.fixture(params=OF_TORCH)
def torch_device(request):
    """A device whose arrays are tensors, of any strides; OpenCL's own are in runtime/opencl."""
    return choose_device(request.param)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_arrays_go_and_come_back_unchanged(device, dtype):
    bits = np.random.default_rng(0).bytes(7 * 5 * np.dtype(dtype).itemsize)
    array = np.frombuffer(bits, dtype=dtype).reshape(7, 5)
    back = device.download(device.upload(array))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    np.testing.assert_array_equal(back.view(np.uint8), array.view(np.uint8))


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_other_values_are_written_where_the_old_ones_were(device, dtype):
    first, second = (np.arange(i, i + 6).astype(dtype).reshape(2, 3) for i in (0, 6))
    there = device.upload(first)
    where = device.storage(there)
    second.flags.writeable = False
    device.write(there, second)
    assert device.storage(there) == where
    np.testing.assert_array_equal(device.download(there), second)
    assert first.flat[0] == 0


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


def test_a_strided_tensor_comes_back_in_its_own_order(torch_device):
    there = torch_device.upload(np.arange(6, dtype=np.float32).reshape(2, 3))
    want = [[0, 3], [1, 4], [2, 5]]
    assert torch_device.download(there.T).tolist() == want


def test_calls_are_timed_in_order(torch_device):
    a = torch.ones(256, 256, device=torch_device.torch)
    seen = []

    def call(i):
        return lambda: (seen.append(i), a @ a)

    timing = torch_device.time_calls([call(i) for i in range(200)])
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
    if not hasattr(torch, "xpu"):
        pytest.skip("this torch knows no xpu")
    current = []
    monkeypatch.setattr(choose, "_accelerators", lambda: ["xpu:0", "xpu:1"])
    monkeypatch.setattr(torch.xpu, "set_device", current.append)
    for name, index in (("auto", 0), ("xpu", 0), ("xpu:1", 1)):
        assert choose_device(name).name == f"xpu:{index}"
        assert current[-1] == index, "where Triton launches"
    assert choose_device("cpu").name == "cpu"


def test_auto_takes_a_card_before_the_processors_graphics(monkeypatch):
    """However they are numbered; a property that is refused leaves the order as it is."""
    if not hasattr(torch, "xpu"):
        pytest.skip("this torch knows no xpu")
    kinds = [True, False, None]

    def properties(index):
        if kinds[index] is None:
            raise RuntimeError("refused")
        return SimpleNamespace(is_integrated_gpu=kinds[index])

    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: len(kinds))
    monkeypatch.setattr(torch.xpu, "get_device_properties", properties)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose.best() == "xpu:1"
    kinds[:] = [None, None]
    assert choose.best() == "xpu:0"


class Stamps:
    """Events and a host's clock whose hands are moved by hand: an idle device waits for the host.

    A replay takes the host 2 s to submit and the device 10 s.
    """

    def __init__(self):
        self.host = self.free = 0.0

    def replay(self):
        self.host += 2
        self.free = max(self.free, self.host) + 10

    def event(self, *_, **__):
        stamp = SimpleNamespace(at=None)
        stamp.record = lambda: setattr(stamp, "at", max(self.free, self.host))
        stamp.elapsed_time = lambda other: (other.at - stamp.at) * 1e3
        return stamp

    def synchronize(self, *_):
        self.host = max(self.host, self.free)

    def device(self, _):
        return nullcontext()


@pytest.mark.parametrize("count", [1, 3])
def test_a_replay_is_timed_without_the_wait_for_the_host(monkeypatch, count):
    stamps = Stamps()
    card = AcceleratorDevice("cuda", 0)
    card._api = stamps
    monkeypatch.setattr(accelerator.torch, "Event", stamps.event)
    monkeypatch.setattr(accelerator.time, "perf_counter", lambda: stamps.host)
    plain = card.time_calls([stamps.replay] * count, elapsed=True)
    assert plain.device_s == 10 + 2 / count, "as an event pair alone has it"
    timing = card.time_replays(stamps.replay, count)
    assert timing == Timing(10, 10 + 2 / count, 2)


@pytest.mark.gpu
@pytest.mark.parametrize("name", [name for name in present() if name.startswith(("xpu", "cuda"))])
def test_a_short_graph_on_each_card(name):
    device = choose_device(name)
    a = torch.ones(512, 512, device=device.torch)
    calls = [lambda: a @ a] * 64
    for call in calls:
        call()
    if (replay := device.capture(calls)) is None:
        pytest.skip(f"{device.name} captures nothing")
    plain = min(device.time_calls([replay], elapsed=True).device_s for _ in range(20))
    timing = min((device.time_replays(replay, 1) for _ in range(20)), key=lambda t: t.device_s)
    assert 0 < timing.device_s < plain * 1.02
    assert timing.device_s <= timing.wall_s


@pytest.mark.parametrize("name", ["tpu", "xpu:", "cpu:0", "", "XPU"])
def test_an_unknown_device(name):
    with pytest.raises(UserError, match="use auto, cpu, xpu"):
        choose_device(name)


@pytest.mark.parametrize("name", ["xpu:77", "cuda:77"])
def test_a_device_that_is_absent(name):
    with pytest.raises(UserError, match=f"{name} is not on this machine.* cpu"):
        choose_device(name)
