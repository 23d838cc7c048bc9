"""What an operator says of its own inputs: which stay in memory, and how a check makes it small."""

import numpy as np

from truetpot.measure.rotation import copies_needed
from truetpot.ops import (
    ALL_REDUCE,
    ALL_REDUCE_RMS_NORM,
    DECODE_ATTENTION,
    EMBEDDING,
    LINEAR,
    ROPE_APPEND,
    ROPE_APPEND_ATTENTION,
    AllReduceCase,
    DecodeAttentionCase,
    EmbeddingCase,
    LinearCase,
    Operator,
    RmsNormCase,
    RopeAppendCase,
)
from truetpot.ops.inputs import Category, Input
from truetpot.ops.tolerance import tolerance
from truetpot.records.words import Cache
from truetpot.runtime.group import ALONE


class Scaled(Operator):
    """Someone's own: y = x * planes[0] + planes[1], its weight under a name of its own."""

    name = "scaled_by_planes"
    takes = (
        Input("x", ("m", "n")),
        Input("planes", (2, "n"), "weight_format", category=Category.WEIGHT),
    )

    def writes(self, case):
        return {"out": case.n * 2}

    def flops(self, case):
        return 2 * case.n

    def reference(self, case, inputs):
        raise NotImplementedError

    def tolerance(self, case):
        return tolerance(1, case.dtype)

    def grid(self):
        return ()


class Card:
    kind, group = "xpu", ALONE
    free_bytes = staticmethod(lambda: 16 << 30)
    cache_bytes = staticmethod(lambda: 16 << 20)


def test_a_weight_of_any_name_is_timed_cold():
    case = LinearCase("bf16", 1, 1 << 20, 1, "bf16")
    assert copies_needed(Scaled(), case, Card) == (Cache.ROTATED, (1 << 30) // (4 << 20))


def test_bytes_by_hand():
    """Two sequences of 100 tokens, 2 KV heads of 64: 25,600 elements of K and as many of V."""
    attention = DecodeAttentionCase("bf16", 2, 4, 2, 64, 100, "fp8_e5m2")
    assert DECODE_ATTENTION.resident_reads(attention) == 2 * 25_600
    assert LINEAR.resident_reads(LinearCase("bf16", 8, 10, 20, "bf16", True)) == 400
    table = EmbeddingCase("bf16", 3, 1000, 50)
    assert (EMBEDDING.resident_reads(table), EMBEDDING.model_bytes(table)) == (0, 100_000)
    assert LINEAR.model_bytes(LinearCase("bf16", 8, 10, 20, "bf16", True)) == 400 + 20
    assert DECODE_ATTENTION.model_bytes(attention) == 0


def test_a_composite_has_what_its_parts_have():
    attention = DecodeAttentionCase("bf16", 2, 4, 2, 64, 100, "bf16")
    rope = RopeAppendCase("bf16", 2, 4, 2, 64, 100, "bf16")
    both = ROPE_APPEND_ATTENTION.case(rope, attention)
    assert ROPE_APPEND.resident_reads(rope) == 0
    assert ROPE_APPEND_ATTENTION.resident_reads(both) == DECODE_ATTENTION.resident_reads(attention)
    reduce, norm = AllReduceCase("bf16", 3, 64, 2), RmsNormCase("bf16", 3, 64, 1e-5, True)
    assert ALL_REDUCE.payload_bytes(reduce) == 3 * 64 * 2
    assert ALL_REDUCE_RMS_NORM.payload_bytes(ALL_REDUCE_RMS_NORM.case(reduce, norm)) == 3 * 64 * 2


def test_a_small_table_has_the_rows_that_a_check_needs():
    small = EMBEDDING.reduced(EmbeddingCase("bf16", 3, 100_000, 50), 2048)
    assert (small.m, small.vocab, small.hidden) == (3, 2048, 50)
    table = EMBEDDING.inputs(small, np.random.default_rng(0))["table"]
    assert table.shape == (2048, 50)
    case = LinearCase("bf16", 1, 1 << 20, 1, "bf16")
    assert Scaled().reduced(case, 2048) is case
