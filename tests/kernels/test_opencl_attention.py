"""What decode_attention in OpenCL promises beyond the operator's grid."""

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

from tests.prepared import check
from truetpot.measure.check import check_on
from truetpot.ops import DECODE_ATTENTION, DecodeAttentionCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import platforms
from truetpot.runtime.opencl.target import known_targets


def able():
    """Devices whose kernels may ask for a sub-group's size; PoCL's may not."""
    intel = "cl_intel_required_subgroup_size"
    return [n for n, device in platforms.devices().items() if intel in device.extensions]


pytestmark = [
    pytest.mark.opencl,
    pytest.mark.skipif(not able(), reason="no OpenCL device with Intel's sub-groups"),
]


@pytest.fixture(scope="module", params=able())
def device(request):
    REGISTRY.load_builtin()
    return choose_device(request.param)


def build(case, device, **config):
    return REGISTRY.build("decode_attention", "opencl", case, device, **config)


@pytest.mark.parametrize("page", [None, 8])
@pytest.mark.parametrize("kv_format", ["fp16", "fp8_e5m2"])
def test_nothing_beyond_a_sequence_is_used(device, kv_format, page):
    """A cache is not initialised: what no token has written yet may be NaN."""
    case = DecodeAttentionCase("fp16", 3, 10, 2, 128, 37, kv_format, page, ragged=True)
    inputs = DECODE_ATTENTION.inputs(case, np.random.default_rng(0))
    want = DECODE_ATTENTION.reference(case, inputs)
    for name in ("k_cache", "v_cache"):
        cache = inputs[name]
        unused = cache >= min(1e4, float(ml_dtypes.finfo(cache.dtype).max))
        assert unused.any()
        cache[unused] = np.nan
    found = check_on(build(case, device), case, inputs, want)
    assert found.ok, found.reason


def test_scratch_grows_with_the_sequences(device):
    """The step's context may pass the one that the kernel was made for."""
    made_for = DecodeAttentionCase("fp16", 1, 5, 1, 128, 40, "fp16")
    case = DecodeAttentionCase("fp16", 1, 5, 1, 128, 2000, "fp16")
    kernel = build(made_for, device)
    before = kernel.splits
    found = check(kernel, case)
    assert found.ok, found.reason
    assert kernel.splits > before


@pytest.mark.parametrize(
    "case",
    [
        DecodeAttentionCase("fp16", 1, 5, 1, 64, 131072, "fp8_e5m2", 16, query_tokens=2),
        DecodeAttentionCase("fp16", 64, 5, 1, 64, 700, "fp8_e4m3", 64, ragged=True),
    ],
    ids=["deep", "many"],
)
def test_ranges_of_a_deep_context_and_of_many_sequences(device, case):
    kernel = build(case, device)
    assert kernel.splits > 1
    found = check(kernel, case)
    assert found.ok, found.reason


@pytest.mark.parametrize("group", [3, 7, 16])
def test_groups_that_registers_hold_only_in_parts(device, group):
    case = DecodeAttentionCase("fp16", 1, group, 1, 128, 70, "fp16")
    kernel = build(case, device)
    assert kernel.plan.heads * kernel.plan.parts >= group
    found = check(kernel, case)
    assert found.ok, found.reason


@pytest.mark.parametrize("kv_format", ["fp16", "fp8_e5m2", "fp8_e4m3"])
@pytest.mark.parametrize("head_dim", [64, 128, 256])
def test_the_division_for_xe2(device, kv_format, head_dim, monkeypatch):
    """Sub-groups of 16 and more heads of one: a CPU's own division is DG2's."""
    monkeypatch.setattr(device, "target", replace(device.target, subgroups=(16, 32)))
    case = DecodeAttentionCase("fp16", 2, 10, 2, head_dim, 137, kv_format, 16, ragged=True)
    kernel = build(case, device)
    assert kernel.plan.subgroup == 16
    found = check(kernel, case)
    assert found.ok, found.reason


def test_divisions_of_the_cards_leave_sums_room_in_the_registers():
    """128 registers, of 32 bytes on DG2 and of 64 on Xe2; a work-group within the card's limits."""
    from truetpot.kernels.decode_attention.opencl import Plan, plan

    for target in known_targets().values():
        register = 32 if 8 in target.subgroups else 64
        for case in DECODE_ATTENTION.grid():
            found = plan(case, target)
            assert isinstance(found, Plan), found
            assert found.heads * case.head_dim * 4 <= 128 * register * 5 // 8
            assert found.items <= 1024
