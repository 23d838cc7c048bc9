"""Linear shapes per rank, and which tensor-parallel degrees are refused."""

from dataclasses import replace

import pytest

from truetpot.errors import UserError
from truetpot.facts.models import (
    ROLES,
    all_models,
    check_tp,
    kv_heads_of_rank,
    linears,
    load_model,
    tensor_parallel_degrees,
)

QWQ = load_model("qwq-32b")


def test_qwq_on_one_card() -> None:
    shapes = {x.role: (x.n, x.k, x.bias, x.count) for x in linears(QWQ)}
    assert shapes == {
        "qkv": (7168, 5120, True, 64),
        "o": (5120, 5120, False, 64),
        "gate_up": (55296, 5120, False, 64),
        "down": (5120, 27648, False, 64),
        "lm_head": (152064, 5120, False, 1),
    }


@pytest.mark.parametrize(
    ("tp", "expected"),
    [
        (2, {"qkv": (3584, 5120), "o": (5120, 2560), "gate_up": (27648, 5120)}),
        (4, {"qkv": (1792, 5120), "o": (5120, 1280), "down": (5120, 6912)}),
        (8, {"qkv": (896, 5120), "down": (5120, 3456), "lm_head": (19008, 5120)}),
    ],
)
def test_qwq_shares(tp: int, expected: dict[str, tuple[int, int]]) -> None:
    shapes = {x.role: (x.n, x.k) for x in linears(QWQ, tp)}
    assert shapes.items() >= expected.items()


@pytest.mark.parametrize(
    "model", [m for m in all_models().values() if m.experts is None], ids=lambda m: m.name
)
def test_shares_add_up(model) -> None:  # type: ignore[no-untyped-def]
    assert tuple(x.role for x in linears(model)) == ROLES
    whole = sum(x.weights * x.count for x in linears(model))
    embedding = 0 if model.tied else model.vocab * model.hidden
    assert whole == model.parameters() - embedding - model.bias_elements() - model.norm_elements()
    for tp in tensor_parallel_degrees(model):
        copies = max(0, tp - model.kv_heads) * 2 * model.head_dim * model.hidden * model.layers
        padding = -model.vocab % tp * model.hidden
        ranks = tp * sum(x.weights * x.count for x in linears(model, tp))
        assert ranks == whole + copies + padding


def test_a_mixture_of_experts_has_those_of_one_token() -> None:
    shapes = {x.role: (x.n, x.k, x.bias, x.count) for x in linears(load_model("gpt-oss-20b"), 2)}
    assert shapes == {
        "qkv": (64 // 2 * 64 + 2 * 4 * 64, 2880, True, 24),
        "o": (2880, 64 // 2 * 64, True, 24),
        "router": (32, 2880, True, 24),
        "gate_up": (2880, 2880, True, 24 * 4),
        "down": (2880, 1440, True, 24 * 4),
        "lm_head": (201088 // 2, 2880, False, 1),
    }


def test_more_ranks_than_kv_heads_have_copies_of_them() -> None:
    model = load_model("qwen3-32b")
    assert model.kv_heads == 8
    assert 16 in tensor_parallel_degrees(model)
    assert kv_heads_of_rank(model, 4) == 2
    assert kv_heads_of_rank(model, 16) == 1
    qkv = linears(model, 16)[0]
    assert qkv.n == model.q_rows // 16 + 2 * model.head_dim


def test_an_odd_vocabulary_is_padded_to_equal_shares() -> None:
    odd = replace(QWQ, vocab=101)
    assert [linears(odd, tp)[-1].n for tp in (1, 2, 4)] == [101, 51, 26]


@pytest.mark.parametrize(
    ("tp", "what"), [(3, "40 attention heads"), (16, "40 attention heads"), (5, "8 kv heads")]
)
def test_a_degree_that_does_not_divide(tp: int, what: str) -> None:
    with pytest.raises(UserError, match=rf"tp = {tp} does not divide the {what} of qwq-32b.*1, 2,"):
        linears(QWQ, tp)


def test_an_mlp_that_does_not_divide() -> None:
    with pytest.raises(UserError, match="intermediate size"):
        check_tp(replace(QWQ, intermediate=27647), 2)


@pytest.mark.parametrize("tp", [0, -1])
def test_no_degree(tp: int) -> None:
    with pytest.raises(UserError, match="give 1 or more"):
        check_tp(QWQ, tp)


def test_a_share_must_keep_blocks_whole() -> None:
    """29568 / 4 = 7392 is 115.5 blocks of 64: the best-known case of this trap."""
    model = load_model("qwen2.5-72b")
    check_tp(model, 2, "sym_int4")
    check_tp(model, 4, "fp8_e5m2")
    with pytest.raises(UserError, match=r"down has K = 7392.*blocks of sym_int4.*tp = 1, 2\."):
        check_tp(model, 4, "sym_int4")


def test_a_hidden_size_that_no_degree_mends() -> None:
    with pytest.raises(UserError, match=r"qkv has K = 5152.*none fits"):
        check_tp(replace(QWQ, hidden=5152), 1, "sym_int4")
