"""What an operator declares of its inputs, held against the arrays that it draws."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.formats import Weight
from truetpot.ops import (
    COMPOSITES,
    DECODE_ATTENTION,
    EMBEDDING,
    LINEAR,
    LOCAL_BEST,
    OPERATORS,
    RMS_NORM,
    ROPE_APPEND,
    ROPE_APPEND_ATTENTION,
    Case,
    EmbeddingCase,
    LinearCase,
    LocalBestCase,
    Operator,
    RmsNormCase,
    RopeAppendCase,
)
from truetpot.ops.contract import ContractError, check_operator
from truetpot.ops.inputs import Category, Input, Normal, array_dtype
from truetpot.ops.location import Location
from truetpot.ops.rope_append_attention import attention_after

PARTIAL = {
    (DECODE_ATTENTION, "k_cache"), (DECODE_ATTENTION, "v_cache"), (DECODE_ATTENTION, "block_table"),
    (ROPE_APPEND, "k_cache"), (ROPE_APPEND, "v_cache"), (ROPE_APPEND, "block_table"),
    (ROPE_APPEND, "cos_sin"), (EMBEDDING, "table"), (LOCAL_BEST, "logits"),
}  # fmt: skip
"""Inputs of which a call need not read everything."""
SIMPLE = [op for op in OPERATORS.values() if op not in COMPOSITES]


@pytest.mark.parametrize("op", OPERATORS.values(), ids=OPERATORS)
def test_what_is_declared_is_what_is_drawn(op, rng):
    for case in op.grid():
        drawn, sized = op.inputs(case, rng), op.sized(case)
        assert [*drawn] == [one.name for one in sized] == [one.name for one in op.takes]
        for one in sized:
            value = drawn[one.name]
            assert (value is not None) == one.given, (case, one.name)
            if value is None:
                assert one.nbytes == one.read_bytes == 0
            elif isinstance(value, int):
                assert (one.dtype, one.shape, one.nbytes) == ("int", (), 0)
            else:
                assert value.shape == one.shape, (case, one.name)
                assert value.nbytes == one.nbytes, (case, one.name)
                if isinstance(value, Weight):
                    assert value.format == one.dtype
                else:
                    assert value.dtype == array_dtype(one.dtype), (case, one.name)


@pytest.mark.parametrize("op", SIMPLE, ids=lambda op: op.name)
def test_bytes_read_are_those_of_the_arrays(op, rng):
    """All of each, but for the few that are named above, which are read in part at most."""
    for case in op.grid():
        reads = op.reads(case)
        for name, value in op.inputs(case, rng).items():
            whole = getattr(value, "nbytes", 0)
            if (op, name) in PARTIAL:
                assert reads.get(name, 0) <= whole, (case, name)
            else:
                assert reads.get(name, 0) == whole, (case, name)


def test_bytes_of_what_is_read_in_part_by_hand():
    assert EMBEDDING.reads(EmbeddingCase("bf16", 3, 1000, 50)) == {"ids": 24, "table": 3 * 50 * 2}
    assert LOCAL_BEST.reads(LocalBestCase("fp32", 3, 1000, "fp16")) == {"logits": 6, "ids": 24}
    rope = RopeAppendCase("bf16", 2, 4, 2, 64, 100, "bf16")
    assert ROPE_APPEND.reads(rope) == {
        "qkv": 2 * 8 * 64 * 2, "positions": 8, "cos_sin": 64 * 4,
    }  # fmt: skip
    ragged = replace(rope, ragged=True)  # each sequence at a position of its own
    assert ROPE_APPEND.reads(ragged)["cos_sin"] == 2 * 64 * 4


@pytest.mark.parametrize("op", COMPOSITES, ids=lambda op: op.name)
def test_a_composite_takes_what_its_parts_take_but_for_the_wires(op):
    want = {one.name for one in op.parts[0].takes}
    for part, wire in zip(op.parts[1:], op.wires, strict=True):
        want |= {one.name for one in part.takes} - {wire}
    assert {one.name for one in op.takes} == want
    for case in op.grid():
        parts = zip(op.parts, case.parts, strict=True)
        wired = zip(op.parts[1:], case.parts[1:], op.wires, strict=True)
        whole = sum(sum(part.reads(its).values()) for part, its in parts)
        between = sum(part.reads(its)[wire] for part, its, wire in wired)
        assert sum(op.reads(case).values()) == whole - between


def test_what_is_cold_and_what_is_the_models():
    """A bias and norms are the model's, though only weights and caches are timed cold."""
    linear = LinearCase("bf16", 8, 10, 20, "bf16", True)
    assert (LINEAR.resident_reads(linear), LINEAR.model_bytes(linear)) == (400, 420)
    norm = RmsNormCase("fp16", 3, 64)
    assert (RMS_NORM.resident_reads(norm), RMS_NORM.model_bytes(norm)) == (0, 128)
    rope = RopeAppendCase("bf16", 2, 4, 2, 64, 100, "bf16", qk_norm=True)
    both = ROPE_APPEND_ATTENTION.case(rope, attention_after(rope))
    assert ROPE_APPEND_ATTENTION.resident_reads(both) == 2 * 2 * 100 * 2 * 64 * 2
    assert ROPE_APPEND_ATTENTION.model_bytes(both) == 2 * 64 * 2


def test_gamma_is_about_one(rng):
    gamma = RMS_NORM.inputs(RmsNormCase("fp32", 1, 100_000), rng)["gamma"]
    assert gamma.mean() == pytest.approx(1, abs=0.005)
    assert gamma.std() == pytest.approx(0.1, rel=0.02)


def test_a_k_that_cuts_a_block_is_refused_where_sizes_are_asked_for():
    with pytest.raises(UserError, match="K = 100 is no multiple"):
        LINEAR.sized(LinearCase("bf16", 1, 16, 100, "sym_int4"))


@dataclass(frozen=True)
class OwnCase(Case):
    n: int = 4


class Own(Operator):
    """Someone's own, whose inputs a test chooses."""

    name = "own"

    def __init__(self, takes):
        self.takes = takes

    def writes(self, case):
        return {"out": 0}

    def flops(self, case):
        return 0

    def reference(self, case, inputs):
        return {"out": inputs["x"]}

    def tolerance(self, case):
        return 0.0

    def grid(self):
        yield OwnCase("fp32")


@pytest.mark.parametrize(
    ("takes", "says"),
    [
        ((), r"x.py:1: the operator own takes \(\); write takes = \(Input"),
        (Input("x", ("n",)), "the operator own takes Input"),
        ((Input("x", ("m",)),), "no inputs .*AttributeError: 'OwnCase' .* no attribute 'm'"),
        ((Input("x", ("n",), "fp23"),), "no inputs .*'fp23'.*; mend its grid or what it takes"),
        ((Input("x", ("n",), "int32"),), "no inputs .*'int32'"),  # which normal values are not
    ],
)
def test_a_declaration_that_cannot_be_is_one_sentence(takes, says):
    with pytest.raises(ContractError, match=says):
        check_operator(Own(takes), Location("x.py", 1))


def test_a_draw_sees_what_was_drawn_before_it(rng):
    def double(one, rng, before):
        return 2 * before["x"]

    op = Own((Input("x", ("n",), draw=Normal(std=3.0)), Input("y", ("n",), draw=double)))
    check_operator(op, Location("x.py", 1))
    drawn = op.inputs(OwnCase("fp32", 100_000), rng)
    np.testing.assert_array_equal(drawn["y"], 2 * drawn["x"])
    assert drawn["x"].std() == pytest.approx(3, rel=0.02)
    assert (op.weights, op.resident_reads(OwnCase("fp32"))) == ((), 0)


def test_categories_are_what_they_are_timed_and_made_as():
    assert {one for one in Category if one.cold} == {Category.WEIGHT, Category.CACHE}
    assert {one for one in Category if one.of_model} == {Category.WEIGHT, Category.PARAMETER}
