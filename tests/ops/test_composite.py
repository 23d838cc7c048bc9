"""A composite's bytes, inputs, reference and tolerance follow from its parts."""

import numpy as np
import pytest

from truetpot.ops import (
    COMPOSITES,
    DECODE_ATTENTION,
    LINEAR,
    LINEAR_SILU_MUL,
    RMS_NORM,
    ROPE_APPEND,
    ROPE_APPEND_ATTENTION,
    SILU_MUL,
    Composite,
    DecodeAttentionCase,
    LinearCase,
    RmsNormCase,
    RopeAppendCase,
    SiluMulCase,
)
from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.ops.rope_append_attention import attention_after
from truetpot.ops.tolerance import relative_error

ADD_RMS_NORM_LINEAR = Composite("add_rms_norm_linear", (RMS_NORM, LINEAR), ("x",), lambda: ())


@pytest.fixture
def norm_linear():
    return ADD_RMS_NORM_LINEAR.case(
        RmsNormCase("bf16", 2, 128, residual=True), LinearCase("bf16", 2, 48, 128, "sym_int4", True)
    )


def test_the_intermediate_is_neither_written_nor_read(norm_linear):
    op, case = ADD_RMS_NORM_LINEAR, norm_linear
    norm, linear = case.parts
    intermediate = 2 * 128 * 2
    assert op.bytes(case) == RMS_NORM.bytes(norm) + LINEAR.bytes(linear) - 2 * intermediate
    assert op.flops(case) == RMS_NORM.flops(norm) + LINEAR.flops(linear)
    assert op.tolerance(case) == RMS_NORM.tolerance(norm) + LINEAR.tolerance(linear)
    # x is read once, by the norm: the product's x is the intermediate
    assert op.reads(case)["x"] == 2 * 128 * 2
    assert op.writes(case) == {"residual": 2 * 128 * 2, "out": 2 * 48 * 2}


def test_names(norm_linear):
    op = ADD_RMS_NORM_LINEAR
    assert (op.returns, op.mutates, op.weights) == (("out",), ("residual",), ("weight",))
    inputs = op.inputs(norm_linear, np.random.default_rng(0))
    assert set(inputs) == {"x", "gamma", "residual", "weight", "bias"}
    assert norm_linear.format == "bf16"
    assert norm_linear.label() == " + ".join(part.label() for part in norm_linear.parts)


def test_the_reference_is_the_parts_in_sequence_unrounded(norm_linear, rng):
    inputs = ADD_RMS_NORM_LINEAR.inputs(norm_linear, rng)
    norm, linear = norm_linear.parts
    normed = RMS_NORM.reference(norm, inputs)
    want = LINEAR.reference(linear, inputs | {"x": normed["out"]})["out"]
    got = ADD_RMS_NORM_LINEAR.reference(norm_linear, inputs)
    assert set(got) == {"residual", "out"}
    np.testing.assert_array_equal(got["out"], want)
    np.testing.assert_array_equal(got["residual"], normed["residual"])


@pytest.mark.parametrize(("page", "kv"), [(None, "bf16"), (8, "bf16"), (None, "fp8_e5m2")])
def test_a_mutated_input_reaches_the_next_part(page, kv, rng):
    """Attention after the append sees the token that was appended, as the cache keeps it."""
    shape = ("bf16", 2, 4, 2, 32, 21, kv, page, True)
    case = ROPE_APPEND_ATTENTION.case(RopeAppendCase(*shape), DecodeAttentionCase(*shape))
    inputs = ROPE_APPEND_ATTENTION.inputs(case, rng)
    before = {name: inputs[name].copy() for name in ("k_cache", "v_cache")}
    got = ROPE_APPEND_ATTENTION.reference(case, inputs)
    appended = ROPE_APPEND.reference(case.parts[0], inputs)
    stored = {name: appended[name].astype(NUMPY_DTYPE[kv]) for name in before}
    read = inputs | stored | {"q": appended["q"]}
    want = DECODE_ATTENTION.reference(case.parts[1], read)
    assert set(got) == {"k_cache", "v_cache", "out"}
    np.testing.assert_array_equal(got["out"], want["out"])
    stale = DECODE_ATTENTION.reference(case.parts[1], inputs | {"q": appended["q"]})
    assert not np.allclose(got["out"], stale["out"], atol=1e-3)
    rounded = got | stored
    as_stored = {name: array.astype(NUMPY_DTYPE["fp32"]) for name, array in rounded.items()}
    error = ROPE_APPEND_ATTENTION.error(case, inputs, as_stored, got)
    assert error <= ROPE_APPEND_ATTENTION.tolerance(case)
    for name, cache in before.items():
        np.testing.assert_array_equal(inputs[name], cache)  # the reference changes no input


def test_what_is_stored_on_the_other_side_of_half_is_what_the_next_part_reads(rng):
    """A float32 key next to the middle of two bf16 ones: both are right, and scores differ."""
    rope = RopeAppendCase("fp32", 1, 4, 2, 32, 8, "bf16", query_tokens=8)
    case = ROPE_APPEND_ATTENTION.case(rope, attention_after(rope))
    inputs = ROPE_APPEND_ATTENTION.inputs(case, rng)
    inputs["qkv"][0, 4 * 32] = 1 + 2**-8 + 2**-23  # of the first key, which is not rotated
    want = ROPE_APPEND_ATTENTION.reference(case, inputs)
    keys = want["k_cache"].astype(NUMPY_DTYPE["bf16"])
    at = (0, 0, 0, 0)
    assert keys[at] == 1 + 2**-7
    keys[at] = 1
    read = inputs | {"q": ROPE_APPEND.reference(rope, inputs)["q"], "k_cache": keys}
    read["v_cache"] = want["v_cache"].astype(NUMPY_DTYPE["bf16"])
    out = DECODE_ATTENTION.reference(case.parts[1], read)["out"]
    got = {"k_cache": keys, "v_cache": read["v_cache"], "out": out.astype(np.float32)}

    def error(got):
        return ROPE_APPEND_ATTENTION.error(case, inputs, got, want)

    tolerance = ROPE_APPEND_ATTENTION.tolerance(case)
    assert relative_error(got["out"], want["out"]) > tolerance
    assert error(got) <= tolerance
    assert error(got | {"out": want["out"].astype(np.float32)}) <= tolerance
    assert error(got | {"out": got["out"] * 1.001}) > tolerance
    wrong = keys.copy()
    wrong[at] *= -1
    assert error(got | {"k_cache": wrong}) > tolerance


@pytest.mark.parametrize("op", COMPOSITES, ids=lambda op: op.name)
def test_the_grid_is_made_of_fitting_parts(op, rng):
    for case in op.grid():
        want = op.reference(case, op.inputs(case, rng))
        got = {name: value.astype(NUMPY_DTYPE[case.dtype]) for name, value in want.items()}
        assert op.error(case, {}, got, want) <= op.tolerance(case)


def test_linear_silu_mul():
    case = LINEAR_SILU_MUL.case(
        LinearCase("bf16", 1, 55296, 5120, "sym_int4"), SiluMulCase("bf16", 1, 27648)
    )
    assert LINEAR_SILU_MUL.parts == (LINEAR, SILU_MUL)
    assert LINEAR_SILU_MUL.bytes(case) == 5120 * 2 + 150_405_120 + 27648 * 2
    assert case.format == "sym_int4"
