"""The OpenCL products: operand layouts of both matrix engines, and what their launches promise."""

import numpy as np
import pytest

from truetpot.measure.check import check, check_on
from truetpot.ops import LINEAR, LINEAR_SILU_MUL, LinearCase, SiluMulCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import platforms
from truetpot.runtime.opencl.target import known_targets

MATRIX_FORMATS = ("sym_int4", "woq_int4", "sym_int8", "fp8_e5m2", "fp8_e4m3", "fp16")
EVERY_TARGET = [pytest.param(target, id=name) for name, target in known_targets().items()]


def plan():
    return pytest.importorskip("truetpot.kernels._lib.opencl.linear.launch")


def a_device_with_sub_groups():
    REGISTRY.load_builtin()
    for name in platforms.devices():
        device = choose_device(name)
        if {8, 16} <= set(device.target.subgroups):
            return device
    pytest.skip("no OpenCL device with sub-groups of 8 and 16: pip install 'truetpot[opencl]'")


def kernel_of(case, device, op=LINEAR, **config):
    (kernel,) = REGISTRY.kernels(op.name, "opencl")
    assert kernel.refuses(case, device) is None
    return kernel(case, device, **config)


@pytest.mark.opencl
@pytest.mark.parametrize("width", [8, 16], ids=["dg2", "xe2"])
@pytest.mark.parametrize("weight_format", MATRIX_FORMATS)
@pytest.mark.parametrize("m", [3, 13])
def test_operands_of_both_matrix_engines_hold_what_they_should(m, weight_format, width):
    device = a_device_with_sub_groups()
    # whole stretches and single blocks of K, a last tile of few rows, a second pass of 5 rows
    case = LinearCase("fp16", m, 37, 64 * 19, weight_format, bias=True)
    config = {"split": 1, "groups": 2} if m == 3 else {"split": 2, "groups": 1, "tiles": 1}
    kernel = kernel_of(case, device, subgroup=width, **config)
    found = check(kernel, case, np.random.default_rng(m))
    assert found.ok, found.reason
    assert kernel.parameters["dpas"] == ("native" if device.target.dpas else "emulated")


@pytest.mark.opencl
@pytest.mark.parametrize("width", [8, 16], ids=["dg2", "xe2"])
def test_gate_and_up_meet_in_the_matrix_variant(width):
    device, linear = a_device_with_sub_groups(), LinearCase("fp16", 2, 74, 64 * 9, "sym_int4")
    case = LINEAR_SILU_MUL.case(linear, SiluMulCase("fp16", 2, 37))
    kernel = kernel_of(case, device, LINEAR_SILU_MUL, subgroup=width, split=2)
    found = check(kernel, case, np.random.default_rng(0))
    assert found.ok, found.reason


@pytest.mark.opencl
@pytest.mark.parametrize("m", [1, 4])
@pytest.mark.parametrize("weight_format", ["sym_int4", "asym_int4", "woq_int4", "sym_int8"])
def test_offsets_cancel_also_where_all_activations_have_one_sign(weight_format, m):
    """Weights are multiplied as 4096 + q and the like: the sum of x is what is taken off again."""
    device, case = a_device_with_sub_groups(), LinearCase("fp16", m, 64, 4096, weight_format)
    host = LINEAR.inputs(case, np.random.default_rng(0))
    host["x"] = (np.abs(host["x"]) + np.float16(3)).astype(np.float16)
    found = check_on(kernel_of(case, device), case, host, LINEAR.reference(case, host))
    assert found.ok, found.reason


@pytest.mark.opencl
@pytest.mark.parametrize("m", [1, 2])
def test_codes_and_scales_of_one_buffer_are_read_where_they_lie(m):
    """As ipex-llm keeps a weight on XPU: all codes, then all scales. Nothing is converted."""
    from truetpot.runtime.opencl.array import OpenClArray

    device, case = a_device_with_sub_groups(), LinearCase("fp16", m, 33, 192, "sym_int4")
    host = LINEAR.inputs(case, np.random.default_rng(0))
    weight = host["weight"]
    both = np.concatenate(
        [part.reshape(-1).view(np.uint8) for part in (weight.codes, weight.scales)]
    )
    one = device.upload(both)
    parts, offset = [], one.offset
    for part in (weight.codes, weight.scales):
        parts.append(OpenClArray(device, one.block, part.shape, part.dtype, offset))
        offset += part.nbytes
    kernel = kernel_of(case, device)
    out = kernel(x=device.upload(host["x"]), weight=tuple(parts), bias=None)
    want = LINEAR.reference(case, host)
    got = {"out": device.download(out)}
    assert LINEAR.error(case, host, got, want) <= LINEAR.tolerance(case)


@pytest.mark.parametrize("target", EVERY_TARGET)
@pytest.mark.parametrize("m", [1, 2, 16])
@pytest.mark.parametrize("weight_format", [*MATRIX_FORMATS, "bf16"])
@pytest.mark.parametrize("paired", [False, True])
def test_every_launch_fits_the_card(target, m, weight_format, paired):
    linear, case = plan(), LinearCase("fp16", m, 5120, 5120, weight_format)
    for config in linear.configs(case, target, paired=paired):
        launch = linear.launch(case, target, paired=paired, **config)
        macros = launch.build.macros
        assert launch.items <= 1024
        assert launch.build.subgroup in target.subgroups
        rows = macros.get("TILES", 0) * launch.build.subgroup or macros["ROWS"]
        covered = rows * macros["GROUPS"] * launch.work_groups
        assert covered >= (2560 if paired else 5120) > covered - rows * macros["GROUPS"]
        if launch.build.function == "gemm":
            sub_groups = macros["GROUPS"] * macros["SPLIT"]
            turned = 272 * rows * (1 + paired) * sub_groups
            assert turned <= target.local_bytes
            assert (launch.build.subgroup, macros["EMULATE_DPAS"]) == (target.dpas, 0)
            assert macros["DPAS_M"] * launch.passes >= m
        else:
            assert launch.passes == m
            assert not linear.on_matrix_engine(case)


@pytest.mark.parametrize("weight_format", MATRIX_FORMATS)
def test_small_products_are_split_until_a_card_is_full_and_large_ones_are_not(weight_format):
    linear, target = plan(), known_targets()["acm-g10"]
    for m in (1, 8):
        small = linear.launch(LinearCase("fp16", m, 1024, 8192, weight_format), target)
        large = linear.launch(LinearCase("fp16", m, 152064, 8192, weight_format), target)
        assert small.build.macros["SPLIT"] == 8
        assert large.build.macros["SPLIT"] == 1
