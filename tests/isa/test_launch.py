"""A kernel's launches without its device, and inputs without contents."""

import numpy as np
import pytest

from truetpot.formats import Weight
from truetpot.isa.hollow import hollow_inputs
from truetpot.isa.launch import SMALL_BYTES, Hollow, Offline, record_launches
from truetpot.ops import (
    DECODE_ATTENTION,
    LINEAR,
    LINEAR_SILU_MUL,
    OPERATORS,
    DecodeAttentionCase,
    LinearCase,
)
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.opencl.target import known_targets

TARGET = known_targets()["acm-g10"]
CASES = [
    (op, case)
    for op in (*OPERATORS.values(), LINEAR_SILU_MUL)
    if not op.collective
    for case in list(op.grid())[:3]
]


def shapes(inputs):
    found = {}
    for name, value in inputs.items():
        if isinstance(value, Weight):
            scales = None if value.scales is None else (value.scales.shape, value.scales.dtype)
            found[name] = (value.format, value.shape, value.codes.shape, value.codes.dtype, scales)
        elif isinstance(value, np.ndarray):
            found[name] = (value.shape, value.dtype)
        else:
            found[name] = value
    return found


@pytest.mark.parametrize(("op", "case"), CASES, ids=lambda x: getattr(x, "name", None))
def test_hollow_inputs_have_the_shapes_of_real_ones(op, case):
    real = op.inputs(case, np.random.default_rng(0))
    assert shapes(hollow_inputs(op, case)) == shapes(real)


def launches(op, case, **config):
    REGISTRY.load_builtin()
    kernel = REGISTRY.choose(op.name, case, Offline(TARGET), "opencl").required
    config = config or dict(next(iter(kernel.configs(case, Offline(TARGET)))))
    return record_launches(kernel, op, case, TARGET, config)


def test_a_linear_is_one_launch_with_its_sizes():
    case = LinearCase("fp16", 8, 55296, 5120, "asym_int4")
    (one,) = launches(LINEAR, case, tiles=1, split=1, groups=8)
    assert (one.groups, one.local) == ((1, 55296 // 64, 1), (64, 1, 1))
    x, codes, scales, bias, out, m, n, k = one.args
    assert (x.nbytes, codes.nbytes) == (8 * 5120 * 2, 55296 * 5120 // 2)
    assert (scales.nbytes, out.nbytes) == (55296 * 80 * 4, 8 * 55296 * 2)
    assert (bias, m, n, k) == (None, 8, 55296, 5120)


def test_attention_is_two_and_its_lengths_are_known():
    case = DecodeAttentionCase("fp16", 1, 40, 8, 128, 4096, "fp16")
    attend, combine = launches(DECODE_ATTENTION, case)
    assert (attend.build.function, combine.build.function) == ("attend", "combine")
    lengths = attend.args[4]
    assert isinstance(lengths, Hollow)
    assert lengths.values.view(np.int32).tolist() == [4096]


def test_a_table_of_pages_is_known_at_any_size():
    case = DecodeAttentionCase("fp16", 16, 5, 1, 64, 16385, "fp8_e5m2", 16)
    attend, _ = launches(DECODE_ATTENTION, case)
    table = attend.args[3].values.view(np.int32)
    assert table.nbytes > SMALL_BYTES
    assert len(set(table.tolist())) == len(table) == 16 * 1025


def test_a_kernel_that_raises_has_no_launch_but_a_reason():
    case = LinearCase("fp16", 1, 64, 64, "sym_int4")
    assert "ValueError" in launches(LINEAR, case, subgroup=8, split="many", groups=1)
