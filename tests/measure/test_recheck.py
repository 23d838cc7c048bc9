"""A kernel that is right while it is checked and wrong while it is timed has no time."""

import threading
import time
from queue import SimpleQueue

import numpy as np
import pytest
import torch

from tests.measure.misbehaving import RULE, Graphs, measured, silu_mul
from truetpot.measure import recheck
from truetpot.measure.check import Expected
from truetpot.measure.kernels import measure_kernels
from truetpot.measure.prepared import PreparedCase
from truetpot.measure.recheck import LAST, MOST_COPIES, sample
from truetpot.measure.rotation import FEW_COPIES, plan_rotation
from truetpot.ops import LINEAR, RMS_NORM, SILU_MUL, LinearCase, RmsNormCase, SiluMulCase
from truetpot.ops.registry import REGISTRY, Kernel, register
from truetpot.runtime.choose import choose_device


def later(wrong, right=silu_mul, calls=2):
    """Right for two calls, then what ``wrong`` makes of the inputs and the last right output."""
    seen = []

    def call(gate_up):
        if len(seen) < calls:
            seen.append(right(gate_up))
            return seen[-1]
        return wrong(gate_up, seen[-1])

    return call


def zeroes_its_input(gate_up, old):
    out = silu_mul(gate_up)
    gate_up.zero_()
    return out


def by_address():
    """Computes once for each array, and returns that from then on."""
    known = {}

    def call(gate_up):
        if gate_up.data_ptr() not in known:
            known[gate_up.data_ptr()] = silu_mul(gate_up)
        return known[gate_up.data_ptr()].clone()

    return call


def half_of_the_copies():
    """Wrong on every other array that it meets."""
    known = []

    def call(gate_up):
        if gate_up.data_ptr() not in known:
            known.append(gate_up.data_ptr())
        out = silu_mul(gate_up)
        return out if len(known) < 3 or known.index(gate_up.data_ptr()) % 2 else out * 1.5

    return call


class Worker:
    """Hands the work to a thread from the third call on, and returns at once."""

    def __init__(self):
        self.work, self.count = SimpleQueue(), 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            out, gate_up = self.work.get()
            time.sleep(0.0005)
            out.copy_(silu_mul(gate_up))

    def __call__(self, gate_up):
        self.count += 1
        if self.count <= 2:
            return silu_mul(gate_up)
        out = torch.empty(2, 64)
        self.work.put((out, gate_up))
        return out


LATER = {
    "zeros": lambda: later(lambda gate_up, old: torch.zeros_like(old)),
    "its old output": lambda: later(lambda gate_up, old: old),
    "a copy of its old output": lambda: later(lambda gate_up, old: old.clone()),
    "its output by address": by_address,
    "uninitialised memory": lambda: later(lambda gate_up, old: torch.empty_like(old)),
    "a little off": lambda: later(lambda gate_up, old: silu_mul(gate_up) * 1.001),
    "one element": lambda: later(
        lambda gate_up, old: torch.nn.functional.pad(silu_mul(gate_up)[:, :-1], (0, 1))
    ),
    "another dtype": lambda: later(lambda gate_up, old: silu_mul(gate_up).half()),
    "another shape": lambda: later(lambda gate_up, old: silu_mul(gate_up)[:1]),
    "nothing": lambda: later(lambda gate_up, old: None),
    "half of the copies": half_of_the_copies,
    "in a thread": Worker,
}


@pytest.mark.parametrize("what", LATER)
def test_a_kernel_that_is_wrong_later(what):
    bad, good = measured(LATER[what]())
    assert (bad.status, good.status) == ("wrong", "ok"), bad.reason
    assert bad.reason.startswith("after the timing, ")
    assert bad.record(()).median_s is bad.standing is bad.share is None
    assert good.standing.itself


def test_an_input_that_is_used_up_is_named():
    bad, good = measured(later(zeroes_its_input))
    assert bad.reason == "after the timing, gate_up was changed, and it is an input only"
    assert good.status == "ok"


def test_a_thread_that_goes_on_writing(monkeypatch):
    monkeypatch.setattr(recheck, "WAIT_S", 0.6)
    latest, stop = [], threading.Event()

    def write():
        while not stop.wait(0.3):
            latest[-1].add_(1.0)

    def call(gate_up):
        latest[:] = [silu_mul(gate_up)]
        return latest[0]

    def later_on(gate_up, old):
        if not writer.is_alive():
            writer.start()
        return call(gate_up)

    writer = threading.Thread(target=write)
    bad, _ = measured(later(later_on))
    stop.set()
    writer.join()
    assert bad.reason == "after the timing, out went on changing after the call had returned"


@pytest.mark.parametrize("what", ["zeros", "its old output", "a little off"])
def test_what_a_captured_graph_writes_is_looked_at(what):
    """Right whenever it is called by itself: only the replays are wrong."""
    replaying = []

    class Replays(Graphs):
        def capture(self, calls):
            replay = super().capture(calls)

            def noted():
                replaying.append(1)
                replay()
                replaying.clear()

            return noted

    wrong = {
        "zeros": torch.zeros_like,
        "its old output": lambda out: old.setdefault("out", out),
        "a little off": lambda out: out * 1.001,
    }[what]
    old = {}

    def call(gate_up):
        out = silu_mul(gate_up)
        return wrong(out) if replaying else out

    bad, good = measured(call, Replays())
    assert good.status == "ok", good.reason
    assert good.entrant.submitted == "graph"
    assert bad.status == "wrong"
    assert bad.reason.startswith("after the timing, in the captured graph, error ")


NORM = RmsNormCase("bf16", 2, 64, residual=True)


def rms_norm(x, gamma, residual):
    residual += x
    normed = residual.float() * torch.rsqrt(residual.float().pow(2).mean(-1, True) + 1e-6)
    return (normed * gamma.float()).to(x.dtype)


def norms(call, device):
    REGISTRY.load_builtin()
    REGISTRY.kernels("rms_norm")
    before = {key: list(found) for key, found in REGISTRY._kernels.items()}
    try:
        kernel = type("Norm", (Kernel,), {"__call__": lambda self, **inputs: call(**inputs)})
        register(RMS_NORM, provider="planted", devices=("cpu",))(kernel)
        return measure_kernels(RMS_NORM, NORM, ("planted", "torch"), device, None, RULE)[0]
    finally:
        REGISTRY._kernels.clear()
        REGISTRY._kernels.update(before)


@pytest.mark.parametrize("device", [choose_device("cpu"), Graphs()])
def test_what_a_kernel_changes_by_right_is_no_fault(device):
    """Captured, each residual is added to many times in one replay."""
    for result in norms(rms_norm, device):
        assert result.status == "ok", result.reason


@pytest.mark.parametrize("device", [choose_device("cpu"), Graphs()])
def test_what_a_kernel_should_change_and_later_does_not(device):
    calls = []

    def call(x, gamma, residual):
        calls.append(1)
        return rms_norm(x, gamma, residual if len(calls) < 3 else residual.clone())

    bad, good = norms(call, device)
    assert good.status == "ok", good.reason
    assert (bad.status, bad.reason.startswith("after the timing, ")) == ("wrong", True)


def test_memory_of_its_own_is_no_fault():
    buffer = torch.empty(2, 64)
    (mine, _) = measured(lambda gate_up: buffer.copy_(silu_mul(gate_up)))
    assert mine.status == "ok", mine.reason


def test_a_repeated_reference_is_that_of_as_many_calls():
    device = choose_device("cpu")
    kernel = REGISTRY.build("rms_norm", "torch", NORM, device)
    prepared = PreparedCase(RMS_NORM, NORM, device)
    host = prepared.inputs
    expected = Expected.of(kernel, NORM, host, prepared.reference)
    thrice = expected.repeated(3)
    added = host["residual"]
    for _ in range(3):
        added = (added.astype(np.float64) + host["x"].astype(np.float64)).astype(added.dtype)
    np.testing.assert_array_equal(thrice.want["residual"].astype(added.dtype), added)
    assert expected.repeated(1) is expected


@pytest.mark.parametrize(
    ("copies", "last", "size"),
    [(1, 0, 1), (8, 3, 1), (1000, 999, 1), (1000, 1, 1), (50, 7, 5 << 20)],
)
def test_the_sample_ends_with_the_copies_that_were_used_last(copies, last, size):
    chosen = sample(copies, last, size)
    assert len(chosen) == len(set(chosen)) == min(copies, MOST_COPIES, max(1, (16 << 20) // size))
    recent = [(last - i) % copies for i in range(min(LAST, len(chosen)))]
    assert chosen[::-1][: len(recent)] == recent


def test_timed_inputs_are_others_over_the_same_weights():
    case = LinearCase("fp32", 1, 32, 64, "fp32")
    prepared = PreparedCase(LINEAR, case, choose_device("cpu"))
    assert prepared.timed["weight"] is prepared.inputs["weight"]
    assert not np.array_equal(prepared.timed["x"], prepared.inputs["x"])


@pytest.mark.parametrize(
    ("shape", "cache_bytes", "cache"),
    [
        ((512, 512), 260 << 20, "hot"),  # 1024 copies are 138 MiB
        ((512, 512), 32 << 20, "rotated"),
        ((4096, 4096), 260 << 20, "rotated"),
        ((2048, 2048), 600 << 20, "hot"),
        ((64, 64), 1 << 20, "hot"),
    ],
)
def test_what_a_cache_may_hold_is_hot(monkeypatch, shape, cache_bytes, cache):
    device = choose_device("cpu")
    monkeypatch.setattr(type(device), "cache_bytes", lambda self: cache_bytes)
    monkeypatch.setattr(type(device), "free_bytes", lambda self: 64 << 30)
    case = LinearCase("bf16", 1, *shape, "sym_int4")
    rotation = plan_rotation(LINEAR, case, device)
    assert rotation.cache == cache
    if cache == "hot":
        assert rotation.copies == FEW_COPIES
    else:
        assert rotation.copies * LINEAR.reads(case)["weight"] >= 4 * cache_bytes


def test_a_look_that_is_short_beside_the_timing():
    """Some calls, and comparisons of a few copies: a fixed share of a case of any size."""
    spent = []

    def timed(self, of=recheck.Recheck.fault):
        start = time.process_time()
        found = of(self)
        spent.append(time.process_time() - start)
        return found

    case = SiluMulCase("bf16", 1, 27648)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recheck.Recheck, "fault", timed)
        device = choose_device("cpu")
        results, _ = measure_kernels(SILU_MUL, case, ("torch",), device, None, RULE)
    assert results[0].status == "ok"
    assert sum(spent) < 0.25  # of 5 s, the default
