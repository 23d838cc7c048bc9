"""A kernel with a planted fault is found out."""

import math
import re

import numpy as np
import pytest
import torch

from tests.prepared import check
from truetpot.errors import UserError
from truetpot.measure.check import prepare, run
from truetpot.ops import LINEAR, RMS_NORM, SILU_MUL, LinearCase, RmsNormCase, SiluMulCase
from truetpot.ops.registry import Kernel
from truetpot.runtime.choose import choose_device
from truetpot.runtime.poison import Poison, poison

CASE = SiluMulCase("bf16", 3, 64)


def silu_mul(gate_up):
    gate, up = gate_up.float().chunk(2, dim=-1)
    return (gate * torch.sigmoid(gate) * up).to(gate_up.dtype)


def verdict(call, case=CASE, op=SILU_MUL, **methods):
    """The check of a kernel whose ``__call__`` is ``call``."""
    body = {"__call__": lambda self, **inputs: call(**inputs)} | methods
    kernel = type("Planted", (Kernel,), body)
    kernel.op, kernel.provider, kernel.devices = op, "planted", ("cpu",)
    return check(kernel(case, choose_device("cpu")), case)


def test_a_correct_kernel():
    found = verdict(silu_mul)
    assert found.ok
    assert found.reason == ""
    assert 0 < found.error < found.tolerance == SILU_MUL.tolerance(CASE)
    # what a timing calls it with
    assert found.inputs["gate_up"].shape == (3, 128)
    torch.testing.assert_close(silu_mul(**found.inputs), silu_mul(found.inputs["gate_up"]))


def wrong_element(gate_up):
    out = silu_mul(gate_up)
    out[1, 5] += 1
    return out


def nan(gate_up):
    out = silu_mul(gate_up)
    out[1, 5] = math.nan
    return out


def test_an_error_above_the_tolerance():
    found = verdict(wrong_element)
    assert not found.ok
    assert math.isfinite(found.error)
    assert found.reason == f"error {found.error:.2g} is above the tolerance {found.tolerance:.2g}"
    assert verdict(nan).error == math.inf
    assert not verdict(lambda gate_up: silu_mul(gate_up) * 1.05).ok


def unwritten_row(gate_up):
    out = torch.empty(3, 64, dtype=gate_up.dtype)
    out[:2] = silu_mul(gate_up)[:2]
    return out


def unwritten_row_of_new_empty(gate_up):
    out = gate_up.new_empty(3, 64)
    out[1:] = silu_mul(gate_up)[1:]
    return out


def unwritten_row_of_empty_like(gate_up):
    right = silu_mul(gate_up)
    out = torch.empty_like(right)
    out[:2] = right[:2]
    return out


@pytest.mark.parametrize(
    "call", [unwritten_row, unwritten_row_of_new_empty, unwritten_row_of_empty_like]
)
def test_a_row_that_is_not_written(call):
    assert verdict(call).error == math.inf


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda gate_up: silu_mul(gate_up).float(), "out has dtype float32, not bfloat16"),
        (lambda gate_up: silu_mul(gate_up)[:2], r"out has shape \(2, 64\), not \(3, 64\)"),
        (lambda gate_up: silu_mul(gate_up)[None], r"out has shape \(1, 3, 64\), not \(3, 64\)"),
        (lambda gate_up: None, "out is missing"),
        (lambda gate_up: (silu_mul(gate_up),), "an output cannot be read back: AttributeError"),
        (lambda gate_up: gate_up.zero_().chunk(2, 1)[0], "gate_up was changed"),
    ],
)
def test_other_faults(call, reason):
    found = verdict(call)
    assert not found.ok
    assert found.error == math.inf
    assert re.match(reason, found.reason), found.reason


def test_a_kernel_that_raises():
    def call(gate_up):
        raise ValueError("no such tile\nsecond line")

    found = verdict(call)
    assert (found.ok, found.error) == (False, math.inf)
    assert found.reason == "ValueError: no such tile"


def test_a_second_call_that_differs():
    calls = []

    def call(gate_up):
        calls.append(1)
        return silu_mul(gate_up) * len(calls)

    assert verdict(call).reason.startswith("in a second call, error 1 ")


def test_an_own_buffer_written_the_first_time_only():
    buffer = []

    def call(gate_up):
        if not buffer:
            buffer.append(silu_mul(gate_up))
        return buffer[0]

    found = verdict(call)
    assert found.reason.startswith("in a second call, error inf")


def test_an_own_buffer_written_every_time_is_fine():
    buffer = torch.empty(3, 64, dtype=torch.bfloat16)
    assert verdict(lambda gate_up: buffer.copy_(silu_mul(gate_up))).ok


NORM = RmsNormCase("fp32", 2, 32, residual=True)


def rms_norm(x, gamma, residual):
    residual += x
    return torch.nn.functional.rms_norm(residual, (32,), gamma, 1e-6)


def test_mutated_inputs_are_compared():
    assert verdict(rms_norm, NORM, RMS_NORM).ok
    kept = verdict(lambda x, gamma, residual: rms_norm(x, gamma, residual + 0), NORM, RMS_NORM)
    assert not kept.ok
    swapped = verdict(lambda x, gamma, residual: rms_norm(residual, gamma, x), NORM, RMS_NORM)
    assert swapped.reason == "x was changed, and it is an input only"


LINEAR_CASE = LinearCase("fp32", 2, 16, 64, "fp32")


def test_a_weight_is_packed_once_and_a_fault_in_it_is_the_kernels():
    packs = []

    def pack(self, weight):
        packs.append(weight)
        return self.device.upload(weight.codes)

    found = verdict(lambda x, weight, bias: x @ weight.T, LINEAR_CASE, LINEAR, pack=pack)
    assert found.ok
    assert len(packs) == 1

    def spoils_its_weight(x, weight, bias):
        out = x @ weight.T
        weight.zero_()
        return out

    assert verdict(spoils_its_weight, LINEAR_CASE, LINEAR, pack=pack).reason.startswith(
        "in a second call"
    )
    unpacked = verdict(lambda **inputs: None, LINEAR_CASE, LINEAR)
    assert unpacked.reason == "pack: NotImplementedError: Planted takes no weight"
    assert unpacked.inputs == {}


def test_what_the_user_must_know_is_raised():
    case = LinearCase("fp32", 2, 16, 65, "sym_int4")
    with pytest.raises(UserError, match="K = 65 is no multiple"):
        verdict(lambda **inputs: None, case, LINEAR)

    def pack(self, weight):
        raise UserError("no memory")

    with pytest.raises(UserError, match="no memory"):
        verdict(lambda **inputs: None, LINEAR_CASE, LINEAR, pack=pack)


def test_the_steps_stand_alone():
    kernel = type("Planted", (Kernel,), {"__call__": lambda self, gate_up: silu_mul(gate_up)})
    kernel.op = SILU_MUL
    built = kernel(CASE, choose_device("cpu"))
    args = prepare(built, SILU_MUL.inputs(CASE, np.random.default_rng(0)))
    assert run(built, args)["out"].shape == (3, 64)


def test_poison_ends_with_its_block():
    with Poison():
        assert torch.empty(5).isnan().all()
        assert (torch.empty(5, dtype=torch.int64) == -1).all()
        assert not torch.zeros(5).isnan().any()
    ones = torch.ones(5)
    poison(ones)
    assert ones.isnan().all()
    poison(np.ones(3))
