"""The tolerance lets rounding pass and nothing else."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truetpot.ops import (
    ALL_REDUCE,
    ARGMAX,
    BEST_OF_RANKS,
    EMBEDDING,
    LINEAR,
    MEMORY_READ,
    OPERATORS,
    ROPE_APPEND,
    SILU_MUL,
    AllReduceCase,
    ArgmaxCase,
    LinearCase,
    MemoryReadCase,
    RopeAppendCase,
    SiluMulCase,
)
from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.ops.tolerance import changed_rows, relative_error, tolerance

FLOATS = [op for op in OPERATORS.values() if op not in (ARGMAX, MEMORY_READ, BEST_OF_RANKS)]


def middle_case(op):
    """A case of some width in bf16: the coarsest dtype, where faults hide best."""
    cases = [c for c in op.grid() if op.bytes(c) < 10_000_000]
    return max(cases, key=lambda c: (c.dtype == "bf16", op.bytes(c)))


def correct(op, case, rng):
    """What a kernel that computes exactly and rounds once would leave."""
    inputs = op.inputs(case, rng)
    want = op.reference(case, inputs)
    got = {
        name: value.astype(
            NUMPY_DTYPE[getattr(case, "kv_format", case.dtype)]
            if name in op.mutates and name != "residual"
            else NUMPY_DTYPE[case.dtype]
        )
        for name, value in want.items()
    }
    return inputs, got, want


@pytest.mark.parametrize("op", FLOATS, ids=lambda op: op.name)
def test_one_rounding_is_a_fraction_of_the_tolerance(op, rng):
    for case in op.grid():
        inputs, got, want = correct(op, case, rng)
        assert op.error(case, inputs, got, want) <= op.tolerance(case) / 2, case


@pytest.mark.parametrize("kv_format", ["fp8_e5m2", "fp8_e4m3"])
def test_a_cache_cut_off_instead_of_rounded_is_refused(kv_format, rng):
    case = RopeAppendCase("bf16", 3, 4, 2, 64, 77, kv_format)
    inputs, got, want = correct(ROPE_APPEND, case, rng)
    dtype = NUMPY_DTYPE[kv_format]
    for name in ("k_cache", "v_cache"):
        nearest = got[name]
        up = np.abs(nearest.astype(np.float64)) > np.abs(want[name])
        nearest[up] = (nearest.view(np.uint8)[up] - 1).view(dtype)
    assert ROPE_APPEND.error(case, inputs, got, want) > ROPE_APPEND.tolerance(case)


def one_wrong_element(array):
    array.reshape(-1)[array.size // 2] += array.dtype.type(1)


def five_percent_more(array):
    array[...] = (array.astype(np.float64) * 1.05).astype(array.dtype)


def one_nan(array):
    array.reshape(-1)[-1] = np.nan


def one_infinity(array):
    array.reshape(-1)[0] = np.inf


def a_row_of_zeros(array):
    array.reshape(-1, array.shape[-1])[-1] = 0


def rows_swapped(array):
    array[...] = array[..., ::-1].copy()


FAULTS = [one_wrong_element, five_percent_more, one_nan, one_infinity, a_row_of_zeros, rows_swapped]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("op", FLOATS, ids=lambda op: op.name)
def test_a_planted_fault_is_above_the_tolerance(op, fault, rng):
    case = middle_case(op)
    inputs, got, want = correct(op, case, rng)
    assert op.error(case, inputs, got, want) <= op.tolerance(case)
    name = op.returns[0]
    fault(got[name])
    assert op.error(case, inputs, got, want) > op.tolerance(case)


def test_one_wrong_logit_of_152064_shows(rng):
    want = rng.standard_normal((1, 152_064))
    got = want.astype(NUMPY_DTYPE["bf16"])
    assert relative_error(got, want) < tolerance(5120, "bf16")
    got[0, 77_777] += NUMPY_DTYPE["bf16"].type(0.5)
    assert relative_error(got, want) > tolerance(5120, "bf16")


@pytest.mark.parametrize("name", ["k_cache", "v_cache"])
def test_a_token_that_was_not_appended_shows(name, rng):
    op = OPERATORS["rope_append"]
    for case in op.grid():
        inputs, got, want = correct(op, case, rng)
        got[name] = inputs[name]
        assert op.error(case, inputs, got, want) > op.tolerance(case), case


def test_an_outputs_shape_matters():
    assert relative_error(np.zeros((2, 3)), np.zeros((3, 2))) == math.inf
    assert relative_error(np.zeros((0, 3)), np.zeros((0, 3))) == 0


def test_a_row_of_zeros_must_be_met_exactly():
    want = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert relative_error(want.astype(np.float32), want) == 0
    assert relative_error(np.array([[1e-30, 0], [1, 1]], np.float32), want) == math.inf


def test_subnormals_are_held_against_the_smallest_normal():
    # half a unit of the last place of fp16's subnormals, 2^-25, beside a normal of 2^-14
    want = np.array([[2.0**-20 + 2.0**-25]])
    assert relative_error(want.astype(np.float16), want) <= 2.0**-11
    assert relative_error(np.array([[2.0**-19]], np.float16), want) > tolerance(1, "fp16")


def test_integers_are_exact():
    assert relative_error(np.array([3]), np.array([3])) == 0
    assert relative_error(np.array([3]), np.array([4])) == math.inf


def test_linear_with_one_output_that_cancels(rng):
    """No float32 kernel has y relatively right where y is a thousandth of what it summed up."""
    case = LinearCase("fp32", 1, 1, 4096, "fp32")
    inputs = LINEAR.inputs(case, rng)
    y = LINEAR.reference(case, inputs)["out"]
    inputs["x"][0] -= (
        (y[0, 0] - 1e-4)
        * inputs["weight"].codes[0]
        / np.sum(inputs["weight"].codes[0].astype(np.float64) ** 2).astype(np.float32)
    )
    want = LINEAR.reference(case, inputs)
    assert abs(want["out"][0, 0]) < 1e-3
    got = {"out": (inputs["x"] @ inputs["weight"].codes.T).astype(np.float32)}
    assert relative_error(got["out"], want["out"]) > 1e-5
    assert LINEAR.error(case, inputs, got, want) <= LINEAR.tolerance(case)
    assert LINEAR.error(case, inputs, {"out": got["out"] + 1e-4}, want) > LINEAR.tolerance(case)


def test_argmax_takes_any_of_a_tie_and_nothing_else():
    case = ArgmaxCase("fp32", 1, 4)
    inputs = {"logits": np.array([[1, 3, 3, 2]], np.float32)}
    want = ARGMAX.reference(case, inputs)
    assert want["out"].tolist() == [1]
    verdicts = {i: ARGMAX.error(case, inputs, {"out": np.array([i])}, want) for i in range(-1, 5)}
    assert {i for i, error in verdicts.items() if error == 0} == {1, 2}
    assert ARGMAX.error(case, inputs, {"out": np.array([1, 1])}, want) == math.inf


def test_embedding_is_a_copy(rng):
    case = next(iter(EMBEDDING.grid()))
    assert EMBEDDING.tolerance(case) == 0


def test_memory_read_counts_every_word(rng):
    case = MemoryReadCase("fp32", 1024)
    inputs = MEMORY_READ.inputs(case, rng)
    want = MEMORY_READ.reference(case, inputs)
    signed = np.array([int(inputs["buffer"].sum(dtype=np.int64))])
    assert MEMORY_READ.error(case, inputs, {"out": signed}, want) == 0
    short = np.array([int(inputs["buffer"][:-1].sum(dtype=np.int64))])
    assert MEMORY_READ.error(case, inputs, {"out": short}, want) == math.inf


def test_silu_reference_does_not_overflow():
    case = SiluMulCase("fp32", 1, 2)
    inputs = {"gate_up": np.array([[-1e4, 1e4, 1, 1]], np.float32)}
    np.testing.assert_array_equal(SILU_MUL.reference(case, inputs)["out"], [[0, 1e4]])


@given(
    rows=st.integers(1, 1200),
    written=st.lists(st.integers(0, 1199), max_size=4),
    unasked=st.lists(st.integers(0, 1199), max_size=2),
    forgotten=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_rows_that_stay_as_they_were_change_no_error(rows, written, unasked, forgotten, seed):
    """Also of more rows than are looked at at once."""
    rng = np.random.default_rng(seed)
    before = rng.standard_normal((rows, 8)).astype(NUMPY_DTYPE["bf16"])
    want = before.astype(np.float64)
    written = [row % rows for row in written]
    want[written] = rng.standard_normal((len(written), 8))
    got = before if forgotten else want.astype(before.dtype)
    got = got.copy()
    got[[row % rows for row in unasked]] *= -1
    changed = changed_rows(before, got, want)
    assert relative_error(got[changed], want[changed]) == relative_error(got, want)


def test_a_change_that_only_bits_show_and_a_nan_are_differences():
    before = np.zeros((3, 2), np.float32)
    got, want = before.copy(), before.astype(np.float64)
    got[0, 1], want[2, 0] = -0.0, np.nan
    assert [*changed_rows(before, got, want)] == [True, False, True]


@pytest.mark.parametrize("kv_format", ["bf16", "fp8_e5m2"])
@pytest.mark.parametrize("where", [(0, 0, 0, 0), (-1, -1, -1, -1)])
def test_a_token_that_is_not_the_calls_to_change_shows(kv_format, where, rng):
    case = RopeAppendCase("bf16", 2, 4, 2, 32, 40, kv_format)
    inputs = ROPE_APPEND.inputs(case, rng)
    want = ROPE_APPEND.reference(case, inputs)
    got = {name: value.astype(NUMPY_DTYPE["bf16"]) for name, value in want.items()}
    for name in ROPE_APPEND.mutates:
        got[name] = want[name].astype(NUMPY_DTYPE[kv_format])
    assert ROPE_APPEND.error(case, inputs, got, want) <= ROPE_APPEND.tolerance(case)
    got["v_cache"][where] = -1.5 if got["v_cache"][where] != -1.5 else 1.5
    assert ROPE_APPEND.error(case, inputs, got, want) > ROPE_APPEND.tolerance(case)


def test_what_is_changed_in_place_may_be_empty(rng):
    case = AllReduceCase("bf16", 1, 0, 2)
    inputs = ALL_REDUCE.inputs(case, rng)
    empty = {"x": inputs["x"]}
    assert inputs["x"].size == 0
    assert ALL_REDUCE.error(case, inputs, empty, {"x": np.zeros((1, 0))}) == 0
