"""The OpenCL products: operand layouts of both matrix engines, and what their launches promise."""

import numpy as np
import pytest

from tests.prepared import check
from truetpot.measure.check import check_on
from truetpot.ops import LINEAR, LINEAR_SILU_MUL, LinearCase, SiluMulCase
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.choose import choose_device
from truetpot.runtime.opencl import platforms
from truetpot.runtime.opencl.target import known_targets

MATRIX_FORMATS = (
    "sym_int4", "asym_int4", "woq_int4", "sym_int8", "fp8_e5m2", "fp8_e4m3", "fp16", "bf16",
)  # fmt: skip
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
    # a K that is not of whole turns, a last group of few rows, two tiles of x or two passes of one
    case = LinearCase("fp16", m, 37, 64 * 19, weight_format, bias=True)
    config = {"split": 1, "groups": 2, "ahead": 2}
    if m == 13:
        config = {"split": 2, "groups": 1, "tiles": 2 if width == 16 else 1, "ahead": 1}
    kernel = kernel_of(case, device, subgroup=width, **config)
    found = check(kernel, case, m)
    assert found.ok, found.reason
    assert kernel.parameters["dpas"] == ("native" if device.target.dpas else "emulated")


@pytest.mark.opencl
@pytest.mark.parametrize("width", [8, 16], ids=["dg2", "xe2"])
def test_gate_and_up_meet_in_the_matrix_variant(width):
    device, linear = a_device_with_sub_groups(), LinearCase("fp16", 2, 74, 64 * 9, "sym_int4")
    case = LINEAR_SILU_MUL.case(linear, SiluMulCase("fp16", 2, 37))
    kernel = kernel_of(case, device, LINEAR_SILU_MUL, subgroup=width, split=2)
    found = check(kernel, case)
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
@pytest.mark.parametrize("weight_format", MATRIX_FORMATS)
def test_one_layout_serves_every_number_of_rows(weight_format):
    """Packed for one row, multiplied with 64, gate and up each in groups of their own."""
    device = a_device_with_sub_groups()
    one, many = (
        LINEAR_SILU_MUL.case(
            LinearCase("fp16", m, 74, 64 * 3, weight_format), SiluMulCase("fp16", m, 37)
        )
        for m in (1, 64)
    )
    host = LINEAR_SILU_MUL.inputs(many, np.random.default_rng(0))
    packed = kernel_of(one, device, LINEAR_SILU_MUL).pack(host["weight"])
    out = kernel_of(many, device, LINEAR_SILU_MUL)(
        x=device.upload(host["x"]), weight=packed, bias=None
    )
    got = {"out": device.download(out)}
    want = LINEAR_SILU_MUL.reference(many, host)
    assert LINEAR_SILU_MUL.error(many, host, got, want) <= LINEAR_SILU_MUL.tolerance(many)


@pytest.mark.parametrize("target", EVERY_TARGET)
@pytest.mark.parametrize("m", [1, 2, 16, 64])
@pytest.mark.parametrize("weight_format", [*MATRIX_FORMATS, "fp32"])
@pytest.mark.parametrize("paired", [False, True])
def test_every_launch_fits_the_card(target, m, weight_format, paired):
    linear, case = plan(), LinearCase("fp16", m, 5120, 5120, weight_format)
    for config in linear.configs(case, target, (128, 256), paired=paired):
        launch = linear.launch(case, target, paired=paired, **config)
        macros = launch.build.macros
        assert launch.items <= 1024
        assert launch.build.subgroup in target.subgroups
        rows = macros.get("TILES", 0) * launch.build.subgroup or macros["ROWS"]
        covered = rows * macros["GROUPS"] * launch.work_groups
        assert covered >= (2560 if paired else 5120) > covered - rows * macros["GROUPS"]
        if launch.build.function == "gemm":
            x = macros["DPAS_M"] * macros["MTILES"]
            if macros["SPLIT"] > 1:
                sums = 4 * rows * (1 + paired) * x * macros["GROUPS"] * macros["SPLIT"]
                assert sums <= target.local_bytes
            assert (launch.build.subgroup, macros["EMULATE_DPAS"]) == (target.dpas, 0)
            assert x * launch.passes >= m > x * (launch.passes - 1)
        else:
            assert launch.passes == m
            assert weight_format == "fp32"


@pytest.mark.parametrize("target", EVERY_TARGET)
@pytest.mark.parametrize("weight_format", MATRIX_FORMATS)
def test_weights_are_read_once_for_32_rows_and_twice_for_64_where_that_takes_less(
    target, weight_format
):
    once = weight_format in ("fp8_e5m2", "fp8_e4m3", "fp16")
    for m in (16, 32, 64):
        launch = plan().launch(LinearCase("fp16", m, 5120, 5120, weight_format), target)
        assert launch.passes == (1 if m < 64 or once else 2)


@pytest.mark.parametrize("weight_format", MATRIX_FORMATS)
def test_small_products_are_split_until_a_card_is_full_and_large_ones_are_not(weight_format):
    linear, target = plan(), known_targets()["acm-g10"]
    for m in (1, 8):
        small = linear.launch(LinearCase("fp16", m, 1024, 8192, weight_format), target)
        large = linear.launch(LinearCase("fp16", m, 152064, 8192, weight_format), target)
        assert small.build.macros["SPLIT"] == 8
        assert large.build.macros["SPLIT"] == 1
