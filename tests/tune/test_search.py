"""The fastest configuration is found, a wrong one never timed, copies shared where they may be."""

import signal

import numpy as np
import pytest
import torch

from truetpot.errors import KernelError, UserError
from truetpot.formats import dequantise
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.packed import same
from truetpot.ops.registry import Kernel
from truetpot.records.tuned import SearchKey
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.tune.bench import Bench
from truetpot.tune.progress import Log, read_log
from truetpot.tune.search import candidates, search
from truetpot.tune.trials import DeviceLostError, Seconds, Trials, pair

CASE = LinearCase("fp32", 1, 128, 512, "fp32")
CPU = choose_device("cpu")
KEY = SearchKey(op="linear", provider="mine", case="n=1", device="card", versions={}, source="")


class Repeating(Kernel):
    """The product, ``repeat`` times over; with ``fault`` it is wrong or fails."""

    op, provider, devices, source = LINEAR, "repeating", ("cpu",), __file__
    packed: int

    def __init__(self, case, device, repeat=32, fault="", turned=False):
        super().__init__(case, device, repeat=repeat, fault=fault, turned=turned)
        if fault == "unbuilt":
            raise RuntimeError("no such tile\nand more")

    @classmethod
    def configs(cls, case, device):
        yield from ({"repeat": repeat} for repeat in (32, 64, 1, 24, 1))
        yield {"repeat": 24, "turned": True}

    def pack(self, weight):
        type(self).packed += 1
        whole = torch.from_numpy(dequantise(weight).astype(np.float32))
        return whole.T.contiguous() if self.config["turned"] else whole

    def __call__(self, *, x, weight, bias):
        if self.config["fault"] == "raises":
            raise RuntimeError("out of resource: shared memory")
        matrix = weight if self.config["turned"] else weight.T
        for _ in range(self.config["repeat"]):
            out = x @ matrix
        return out + 1 if self.config["fault"] == "wrong" else out


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.setattr("truetpot.measure.rotation.ROTATED_BYTES", 1 << 20)
    monkeypatch.setattr("truetpot.measure.rotation.MOST_COPIES", 4)
    monkeypatch.setattr(type(CPU), "cache_bytes", lambda self: 1 << 17)  # four are enough then
    monkeypatch.setattr(type(CPU), "settle_s", 0.0)
    return type("Repeating", (Repeating,), {"packed": 0})


@pytest.fixture
def ceiling():
    buffer = torch.ones(1 << 16)
    return Ceiling("sum", {}, 1e9, {}, [buffer.sum], buffer.nbytes)


@pytest.fixture
def tune(kernel, ceiling, tmp_path):
    """A search on this device, its processes are this one."""

    def run(log=None):
        log = log or Log(tmp_path / "progress.jsonl", KEY)
        configs = candidates(kernel, CASE, CPU)

        def bench():
            return Bench(PreparedCase(kernel.op, CASE, CPU), kernel, configs[0])

        def in_new_processes(config, count, seconds):
            return (pair(bench(), config, seconds) for _ in range(count))

        lab = Trials(bench, configs[0], ceiling, Seconds(0.05, 0.1, 0.05), in_new_processes, 300)
        return search(configs, lab, log), log

    return run


def test_the_fastest_wins(tune):
    found, log = tune()
    assert found.best.config == {"repeat": 1}
    assert found.best.gain > 1.5
    assert found.best.gain_ci[0] > 1
    assert found.best.share_of_ceiling > found.default.share_of_ceiling > 0
    assert (found.default.config, found.default.gain) == ({"repeat": 32}, 1.0)
    # each once, although one is there twice
    assert [look.config["repeat"] for look in log.looks] == [64, 1, 24, 24]
    assert log.looks[0].gain < 1 < log.looks[1].gain


def test_the_default_stays_where_nothing_beats_it(kernel, tune, monkeypatch):
    configs = [{"repeat": repeat} for repeat in (1, 8, 16)]
    monkeypatch.setattr(kernel, "configs", lambda case, device: configs)
    found, _ = tune()
    assert not found.improved
    assert found.best == found.default
    assert found.default.gain == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("wrong", "is above the tolerance"),
        ("raises", "RuntimeError: out of resource: shared memory"),
        ("unbuilt", "RuntimeError: no such tile"),
    ],
)
def test_a_faulty_configuration_is_left_out(kernel, tune, monkeypatch, fault, reason):
    configs = [{"repeat": 32}, {"repeat": 1, "fault": fault}, {"repeat": 2}]
    monkeypatch.setattr(kernel, "configs", lambda case, device: configs)
    found, log = tune()
    assert found.best.config == {"repeat": 2}
    bad, good = log.looks
    assert reason in bad.reason
    assert (bad.median_s, bad.gain) == (None, None)
    assert good.gain > 1


def test_a_faulty_default_is_an_error(kernel, tune, monkeypatch):
    configs = [{"fault": "wrong"}, {"repeat": 1}]
    monkeypatch.setattr(kernel, "configs", lambda case, device: configs)
    with pytest.raises(KernelError, match="above the tolerance"):
        tune()


def test_a_parameter_that_no_file_keeps(kernel, tune, monkeypatch):
    configs = [{"repeat": 2}, {"repeat": (1, 2)}]
    monkeypatch.setattr(kernel, "configs", lambda case, device: configs)
    found, log = tune()
    assert not found.improved
    assert log.looks[0].reason == "repeat is a tuple, which no file can keep"


def test_copies_are_shared_where_the_packing_is_the_same(kernel):
    bench = Bench(PreparedCase(kernel.op, CASE, CPU), kernel, {"repeat": 8})
    assert (bench.rotation.cache, bench.rotation.copies) == ("rotated", 4)
    assert kernel.packed == 5, "once for the check"
    shared = [args["weight"].data_ptr() for args in bench.shared]
    for config, own in (({"repeat": 1}, False), ({"turned": True}, True)):
        before = kernel.packed
        entrant = bench.enter(config)
        used = [call.keywords["weight"].data_ptr() for call in entrant.calls]
        assert len(set(used)) == 4
        assert kernel.packed - before == (5 if own else 1)
        assert (used == shared) is not own


def test_too_little_memory(kernel, monkeypatch):
    monkeypatch.setattr(type(CPU), "free_bytes", lambda self: 400_000)
    with pytest.raises(UserError, match="copies fit in memory"):
        Bench(PreparedCase(kernel.op, CASE, CPU), kernel, {})


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (torch.tensor([1.0, float("nan")]), torch.tensor([1.0, float("nan")]), True),
        (torch.ones(2, 2), torch.ones(2, 2).T.contiguous().T, False),
        (torch.zeros(2), -torch.zeros(2), False),
        (torch.ones(2).to(torch.float8_e5m2), torch.ones(2).to(torch.float8_e5m2), True),
        (torch.tensor(1), torch.tensor(2), False),
        ((torch.ones(2), 3, None), (torch.ones(2), 3, None), True),
        ((torch.ones(2), 3), (torch.ones(2), 4), False),
        ({"w": np.ones(2)}, {"w": np.ones(2)}, True),
        ({"w": np.ones(2)}, {"w": np.ones(2), "s": 1}, False),
        ([1], (1,), False),
        (object(), object(), False),
    ],
)
def test_same(a, b, equal):
    assert same(CPU, a, b) is equal


def test_an_interrupted_search_goes_on_where_it_was(kernel, tune, monkeypatch, tmp_path):
    path, calls = tmp_path / "progress.jsonl", []

    def call(self, **inputs):
        calls.append(self.config["repeat"])
        if calls.count(24) == 5:  # past the check, which calls twice: in the race
            signal.raise_signal(signal.SIGINT)  # what a kernel raises by itself is a fault
        return Repeating.__call__(self, **inputs)

    with monkeypatch.context() as slow:
        slow.setattr(kernel, "__call__", call)
        with pytest.raises(KeyboardInterrupt):
            tune(read_log(path, KEY))
    seen = read_log(path, KEY).looks
    assert [look.config["repeat"] for look in seen] == [64, 1]
    found, log = tune(read_log(path, KEY))
    assert log.looks[:2] == seen
    assert [look.config["repeat"] for look in log.looks] == [64, 1, 24, 24]
    assert found.best.config == {"repeat": 1}
    # done: nothing is made or measured any more
    monkeypatch.setattr(kernel, "__init__", None)
    assert tune(read_log(path, KEY))[0] == found


def test_a_lost_device_is_told_and_what_lost_it_is_not_tried_again(
    kernel, tune, monkeypatch, tmp_path
):
    configs = [{"repeat": 32}, {"repeat": 1, "fault": "raises"}, {"repeat": 2}]
    monkeypatch.setattr(kernel, "configs", lambda case, device: configs)
    log = Log(tmp_path / "progress.jsonl", KEY)
    with monkeypatch.context() as lost:

        def gone(self: Device):
            raise RuntimeError("an illegal memory access was encountered")

        real = Trials.look
        lost.setattr(
            Trials,
            "look",
            lambda *args: (real(*args), lost.setattr(type(CPU), "synchronize", gone))[0],
        )
        with pytest.raises(DeviceLostError, match="run the command again"):
            tune(log)
    assert [look.config["repeat"] for look in log.looks] == [1]
    found, _ = tune(log)
    assert found.best.config == {"repeat": 2}


def counted(kernel, monkeypatch, what, after=6):
    """Configurations of repeat 1 do ``what`` from so many calls on."""
    calls = [0]

    def call(self, *, x, weight, bias):
        out = Repeating.__call__(self, x=x, weight=weight, bias=bias)
        if self.config["repeat"] == 1:
            calls[0] += 1
            if calls[0] > after:
                return what(out, x, weight)
        return out

    monkeypatch.setattr(kernel, "__call__", call)
    monkeypatch.setattr(
        kernel, "configs", lambda case, device: [{"repeat": repeat} for repeat in (32, 1, 4)]
    )


def leaves(out, x, weight):
    raise SystemExit(0)


def uses_up(out, x, weight):
    x.zero_()
    return out


def spoils_the_weight(out, x, weight):
    weight.zero_()
    return out


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (lambda out, x, weight: torch.zeros_like(out), "after the timing, error 1 "),
        (leaves, "SystemExit: 0"),
        (uses_up, "after the timing, x was changed"),
        (spoils_the_weight, "after the timing, error "),
    ],
    ids=["zeros", "leaves", "uses up x", "spoils the weight"],
)
def test_what_a_configuration_does_later_is_its_own_fault(kernel, tune, monkeypatch, what, reason):
    """The default and the next one share its memory, and are neither blamed nor misled."""
    counted(kernel, monkeypatch, what)
    found, log = tune()
    bad, good = log.looks
    assert reason in bad.reason
    assert (bad.median_s, good.reason) == (None, "")
    assert found.best.config == {"repeat": 4}


def test_a_default_that_is_wrong_later_is_an_error(kernel, tune, monkeypatch):
    counted(kernel, monkeypatch, lambda out, x, weight: torch.zeros_like(out))
    configs = [{"repeat": 1}, {"repeat": 4}]
    monkeypatch.setattr(kernel, "configs", lambda case, device: configs)
    with pytest.raises(KernelError, match="after the timing, error 1 "):
        tune()
