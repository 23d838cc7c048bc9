"""A kernel that rounds its inputs further than the operator does: timed, but never as equal."""

import numpy as np
import pytest
import torch

from tests.prepared import check
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.kernels import measure_kernels
from truetpot.ops import SILU_MUL, SiluMulCase
from truetpot.ops.registry import REGISTRY, Kernel, register
from truetpot.runtime.choose import choose_device
from truetpot.stats import StopRule

CASE = SiluMulCase("fp32", 3, 64)
WHAT = "gate and up in 8 bits"


def in_8_bits(gate_up):
    step = np.abs(gate_up).max(axis=1, keepdims=True) / np.float32(127)
    return np.rint(gate_up / step) * step


class Coarse(Kernel):
    """silu_mul on what ``in_8_bits`` leaves of its input."""

    coarse = WHAT
    gain = 1.0

    def rounded(self, inputs):
        return inputs | {"gate_up": in_8_bits(inputs["gate_up"])}

    def __call__(self, *, gate_up):
        gate, up = torch.from_numpy(in_8_bits(gate_up.numpy())).chunk(2, dim=-1)
        return torch.nn.functional.silu(gate) * up * self.gain


class Wrong(Coarse):
    """Wrong by its own arithmetic too, though by less than its rounding may cost."""

    gain = 1.0001


def verdict(kind):
    kind.op, kind.provider, kind.devices = SILU_MUL, "coarse", ("cpu",)
    return check(kind(CASE, choose_device("cpu")), CASE)


def test_it_may_be_timed_and_its_error_is_that_against_the_reference():
    found = verdict(Coarse)
    assert found.ok
    assert found.coarse == WHAT
    assert found.error > 100 * found.tolerance == 100 * SILU_MUL.tolerance(CASE)


def test_coarseness_hides_no_fault():
    found = verdict(Wrong)
    assert not found.ok
    assert f"{WHAT} included" in found.reason
    assert found.error > found.tolerance


def test_a_kernel_within_the_tolerance_is_not_called_coarse():
    case = SiluMulCase("bf16", 3, 64)
    REGISTRY.load_builtin()
    found = check(REGISTRY.build("silu_mul", "torch", case, choose_device("cpu")), case)
    assert found.ok
    assert found.coarse == ""


@pytest.fixture
def registered(monkeypatch):
    REGISTRY.load_builtin()
    REGISTRY.kernels("silu_mul")
    found = {key: list(kernels) for key, kernels in REGISTRY._kernels.items()}
    monkeypatch.setattr(REGISTRY, "_kernels", found)
    register(SILU_MUL, provider="coarse", devices=("cpu",))(Coarse)


def test_it_has_a_status_of_its_own_and_is_nobodys_rival(registered):
    device, rule = choose_device("cpu"), StopRule(seconds=0.1, warmup_s=0.01)
    ceiling: Ceiling | None = None
    results, _ = measure_kernels(SILU_MUL, CASE, ("torch", "coarse"), device, ceiling, rule)
    torchs, coarse = results
    assert (torchs.status, coarse.status) == ("ok", "coarse")
    assert coarse.reason == WHAT
    assert coarse.record(()).median_s > 0
    assert torchs.standing.over_best.median == 1
