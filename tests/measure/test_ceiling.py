"""A read kernel of someone else that fails is left out of the sweep; the others are the ceiling."""

import pytest
import torch

from truetpot.errors import UserError
from truetpot.measure.ceiling import find_ceiling
from truetpot.ops import MEMORY_READ
from truetpot.ops.registry import REGISTRY, Kernel, register
from truetpot.runtime.choose import choose_device
from truetpot.stats import StopRule

CPU = choose_device("cpu")
RULE = StopRule(noise=-1.0, seconds=0.1, min_samples=5, warmup_s=0.01)


def right(buffer):
    return buffer.sum(dtype=torch.int64).reshape(1)


@pytest.fixture
def sweep(monkeypatch):
    REGISTRY.load_builtin()
    REGISTRY.kernels("memory_read")
    kernels = {key: list(found) for key, found in REGISTRY._kernels.items()}
    monkeypatch.setattr(REGISTRY, "_kernels", kernels)
    monkeypatch.setattr("truetpot.measure.ceiling.buffer_bytes", lambda device: 1 << 20)

    def run(call, module=__name__, providers=("planted", "torch")):
        kernel = type("Planted", (Kernel,), {"__call__": lambda self, *, buffer: call(buffer)})
        kernel.__module__ = module
        register(MEMORY_READ, provider="planted", devices=("cpu",))(kernel)
        return find_ceiling(CPU, RULE, providers)

    return run


def after(calls, what):
    count = [0]

    def call(buffer):
        count[0] += 1
        return right(buffer) if count[0] <= calls else what(buffer)

    return call


def leaves(buffer):
    raise SystemExit(0)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda buffer: right(buffer) + 1, "it misread its buffer"),
        (after(4, lambda buffer: right(buffer) * 0), "after the timing, it misread its buffer"),
        (after(4, leaves), "in the warm-up, SystemExit: 0"),
        (after(12, leaves), "SystemExit: 0"),
        (leaves, "SystemExit: 0"),
        (lambda buffer, kept={}: kept.setdefault("sum", right(buffer)), "it misread its buffer"),
    ],
    ids=["wrong", "later", "warm-up", "timing", "at once", "kept"],
)
def test_one_of_someone_else_is_left_out(sweep, call, reason):
    found = sweep(call)
    assert found.provider == "torch"
    assert all(name.startswith("torch") for name in found.swept)
    (sentence,) = found.left_out
    assert sentence.startswith("the read kernel planted was left out of the sweep: ")
    assert reason in sentence


def test_one_of_ours_that_misreads_says_that_the_device_is_unfit(sweep):
    with pytest.raises(UserError, match="not fit to be measured"):
        sweep(lambda buffer: right(buffer) + 1, module="truetpot.kernels.memory_read.planted")


def test_a_ceiling_is_asked_again_after_the_races_that_it_is_part_of(sweep):
    wrong = []
    entrant = sweep(lambda buffer: right(buffer) + len(wrong), providers=("planted",)).entrant()
    assert entrant.check_again() == ""
    wrong.append(1)
    assert entrant.check_again() == "after the timing, it misread its buffer"
