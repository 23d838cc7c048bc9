"""Compiler options among the launch parameters: offered where a driver takes them, and checked."""

import pytest

from tests.prepared import check
from truetpot.errors import UserError
from truetpot.isa.jobs import Offline
from truetpot.ops import DECODE_ATTENTION, LINEAR, DecodeAttentionCase, LinearCase
from truetpot.ops.named import chosen
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import platforms
from truetpot.runtime.opencl.build import options
from truetpot.runtime.opencl.target import known_targets

GRF_256 = "-cl-intel-256-GRF-per-thread"
ONE = LinearCase("fp16", 1, 256, 512, "sym_int4")
SEVERAL = LinearCase("fp16", 4, 256, 512, "sym_int4")
VECTOR = LinearCase("fp32", 4, 256, 512, "sym_int4")
"""Not for the matrix engine."""
ATTENTION = DecodeAttentionCase("fp16", 1, 40, 8, 128, 300, "fp16")
CARDS = [pytest.param(Offline(one), id=name) for name, one in known_targets().items()]


def kernel_of(op):
    REGISTRY.load_builtin()
    (kernel,) = REGISTRY.kernels(op.name, "opencl")
    return kernel


@pytest.mark.parametrize("device", CARDS)
@pytest.mark.parametrize("case", [ONE, SEVERAL, VECTOR], ids=["m=1", "m=4", "vector"])
def test_a_card_is_offered_both_register_modes(device, case):
    kernel = kernel_of(LINEAR)
    default, *others = kernel.configs(case, device)
    fast = {0, 1} if case is VECTOR else {None}
    assert (default["grf"], default.get("fast_math")) == (128, min(fast))
    seen = {(one["grf"], one.get("fast_math")) for one in others}
    assert seen == {(grf, one) for grf in (128, 256) for one in fast}
    assert len(others) + 1 == len({tuple(sorted(one.items())) for one in (default, *others)})
    assert not [*kernel.withheld(case, device)]
    most = {8: 64, 16: 32}[min(device.target.subgroups)]
    for one in others:
        if one["grf"] == 256:
            assert one["split"] * one["groups"] <= most, "half the threads of a core"


@pytest.mark.parametrize("device", CARDS)
def test_options_reach_the_compiler_and_nothing_else(device):
    kernel = kernel_of(LINEAR)
    first = next(iter(kernel.configs(VECTOR, device)))
    (plain,) = kernel.builds(VECTOR, device.target, **first)
    (other,) = kernel.builds(VECTOR, device.target, **first | {"grf": 256, "fast_math": 1})
    (bare,) = kernel.builds(VECTOR, device.target)
    assert options(plain) == options(bare)
    assert {*options(other)} - {*options(plain)} == {GRF_256, "-cl-fast-relaxed-math"}
    assert plain.macros == other.macros


def test_attention_has_infinities_and_no_fast_math():
    device = Offline(known_targets()["acm-g10"])
    names = {name for one in kernel_of(DECODE_ATTENTION).configs(ATTENTION, device) for name in one}
    assert "fast_math" not in names
    assert "grf" in names


@pytest.fixture(params=[*platforms.devices()])
def device(request):
    return choose_device(request.param)


@pytest.mark.opencl
def test_what_a_driver_refuses_is_not_offered_and_says_why(device):
    if not device.is_cpu:
        pytest.skip("a card takes them all")
    kernel, case = kernel_of(LINEAR), LinearCase("fp32", 1, 64, 128, "fp32")
    if reason := kernel.refuses(case, device):
        pytest.skip(reason)
    assert {one["grf"] for one in kernel.configs(case, device)} == {128}
    ((config, reason),) = kernel.withheld(case, device)
    assert config == {"grf": 256}
    assert f"refuses {GRF_256}" in reason
    assert "build option" in reason, "the compiler's own words"
    with pytest.raises(UserError, match=r"grf=256: not offered here: .* refuses"):
        chosen(kernel, case, device, "grf=256")


@pytest.mark.opencl
def test_a_driver_is_asked_once(device, monkeypatch):
    first = device.option_refused("-cl-no-such-option")
    assert "-cl-no-such-option" in first
    monkeypatch.setattr(device.programs, "context", None)
    assert device.option_refused("-cl-no-such-option") == first


@pytest.mark.opencl
def test_fast_math_is_checked_like_any_other(device):
    kernel, case = kernel_of(LINEAR), VECTOR
    if reason := kernel.refuses(case, device):
        pytest.skip(reason)
    choice = chosen(kernel, case, device, "fast_math=1")
    made = kernel.with_choice(case, device, choice)
    assert check(made, case).ok
    assert made.parameters["fast_math"] == 1
    assert "-cl-fast-relaxed-math" in options(made.functions[0].build)
