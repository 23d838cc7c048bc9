"""Bytes against the arrays themselves, and against numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.formats import Weight
from truetpot.ops import (
    ARGMAX,
    DECODE_ATTENTION,
    EMBEDDING,
    LINEAR,
    OPERATORS,
    RMS_NORM,
    ROPE_APPEND,
    SILU_MUL,
    DecodeAttentionCase,
    LinearCase,
    RopeAppendCase,
    SiluMulCase,
)
from truetpot.ops.arrays import ITEMSIZE

COUNTED = [LINEAR, RMS_NORM, SILU_MUL, ARGMAX, EMBEDDING, DECODE_ATTENTION, ROPE_APPEND]


@pytest.mark.parametrize("op", COUNTED, ids=lambda op: op.name)
def test_outputs_count_as_many_bytes_as_they_have(op, rng):
    for case in op.grid():
        want = op.reference(case, op.inputs(case, rng))
        for name in op.returns:
            size = 8 if want[name].dtype.kind == "i" else ITEMSIZE[case.dtype]
            assert op.writes(case)[name] == want[name].size * size, case


@pytest.mark.parametrize("op", OPERATORS.values(), ids=OPERATORS)
def test_bytes_are_all_reads_and_writes_and_inputs_have_their_names(op, rng):
    for case in op.grid():
        assert op.bytes(case) == sum(op.reads(case).values()) + sum(op.writes(case).values())
        inputs = op.inputs(case, rng)
        assert set(op.reads(case)) <= set(inputs)
        assert set(op.writes(case)) <= {*op.returns, *op.mutates}
        assert set(op.mutates) <= set(inputs)
        assert all(isinstance(inputs[name], Weight) for name in op.weights)


def test_attention_reads_each_cached_token_once():
    # Tokens of the three ragged sequences: 77, 39, 1. Two KV heads of 64, in two bytes.
    case = DecodeAttentionCase("bf16", 3, 4, 2, 64, 77, "bf16", 8, ragged=True)
    reads = DECODE_ATTENTION.reads(case)
    assert reads["k_cache"] == reads["v_cache"] == (77 + 39 + 1) * 2 * 64 * 2
    assert reads["block_table"] == (10 + 5 + 1) * 4  # pages of 8


def test_qwq_32b_figures_by_hand():
    # The fused gate and up projection: 2 * 27648 rows of 5120, 4 bits and an fp16 a block of 64.
    gate_up = LinearCase("bf16", 1, 55296, 5120, "sym_int4")
    assert LINEAR.reads(gate_up)["weight"] == 141_557_760 + 8_847_360
    assert LINEAR.flops(gate_up) == 566_231_040
    # 8 KV heads of 128 at context 1024: 2 MiB of K and 2 MiB of V in bf16.
    attention = DecodeAttentionCase("bf16", 1, 40, 8, 128, 1024, "bf16")
    assert DECODE_ATTENTION.reads(attention)["k_cache"] == 2 * 2**20
    # q.K and p.V: 40 heads * 1024 tokens * 128 * 2 products * 2
    assert DECODE_ATTENTION.flops(attention) == 20_971_520
    append = RopeAppendCase("bf16", 1, 40, 8, 128, 1024, "bf16")
    assert ROPE_APPEND.reads(append)["qkv"] == 7168 * 2
    assert ROPE_APPEND.writes(append) == {"q": 10240, "k_cache": 2048, "v_cache": 2048}
    assert SILU_MUL.bytes(SiluMulCase("bf16", 1, 27648)) == 3 * 27648 * 2


def test_query_tokens_cost_rows_and_no_second_reading_of_the_cache():
    one = DecodeAttentionCase("bf16", 2, 40, 8, 128, 1024, "bf16", 16)
    four = replace(one, query_tokens=4)
    before, after = DECODE_ATTENTION.reads(one), DECODE_ATTENTION.reads(four)
    assert after == before | {"q": 4 * before["q"]}
    assert DECODE_ATTENTION.writes(four) == {"out": 4 * DECODE_ATTENTION.writes(one)["out"]}
    # the four see 1021, 1022, 1023 and 1024 tokens
    assert DECODE_ATTENTION.flops(four) == 4 * 2 * 40 * 128 * (1021 + 1022 + 1023 + 1024)
    # of tokens 1021 to 1024 the last is in a page of its own
    append = RopeAppendCase("bf16", 2, 40, 8, 128, 1025, "bf16", 16, query_tokens=4)
    assert ROPE_APPEND.reads(append)["block_table"] == 2 * 2 * 4
    assert append.positions().tolist() == 2 * [1021, 1022, 1023, 1024]
    assert ROPE_APPEND.writes(append)["k_cache"] == 2 * 4 * 8 * 128 * 2


def test_one_query_token_leaves_a_label_as_it_was():
    case = RopeAppendCase("bf16", 1, 40, 8, 128, 1024, "bf16")
    old = "dtype=bf16 batch=1 heads=40 kv_heads=8 head_dim=128 context=1024 kv_format=bf16"
    assert case.label() == f"{old} eps=1e-06"
    assert replace(case, query_tokens=2).label() == f"{old} query_tokens=2 eps=1e-06"


def test_flops_grow_with_the_work():
    small, large = (LinearCase("bf16", 1, n, 5120, "bf16") for n in (100, 300))
    assert LINEAR.flops(large) == 3 * LINEAR.flops(small)


@pytest.mark.parametrize("op", OPERATORS.values(), ids=OPERATORS)
def test_labels_tell_the_cases_apart(op):
    labels = [case.label() for case in op.grid()]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("op", OPERATORS.values(), ids=OPERATORS)
def test_inputs_are_never_zeros_and_follow_the_generator(op):
    for case in list(op.grid())[:6]:
        first, again = (op.inputs(case, np.random.default_rng(7)) for _ in range(2))
        for name, value in first.items():
            array = value.codes if isinstance(value, Weight) else value
            if not isinstance(array, np.ndarray):
                continue
            other = again[name].codes if isinstance(value, Weight) else again[name]
            np.testing.assert_array_equal(array, other)
            if array.size > 64 and name != "cos_sin":  # whose sines at position 0 are
                assert np.count_nonzero(array) > 0.5 * array.size, name


@pytest.mark.parametrize("k", [1, 63, 100, 5121])
def test_k_that_cuts_an_int4_block_is_refused(k, rng):
    case = LinearCase("bf16", 1, 16, k, "sym_int4")
    for ask in (LINEAR.bytes, lambda case: LINEAR.inputs(case, rng)):
        with pytest.raises(UserError, match=f"K = {k} is no multiple"):
            ask(case)
