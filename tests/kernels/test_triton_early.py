"""Which Triton kernels begin before the launch ahead has ended, by default: what an H200 showed."""

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

from truetpot.kernels._lib.triton import dependent_launch
from truetpot.kernels._lib.triton.attention import launch as attention
from truetpot.kernels._lib.triton.linear import configs as linear

from truetpot.ops import DecodeAttentionCase, LinearCase


class Card:
    kind = "cuda"
    identity = staticmethod(lambda: {"local_memory_bytes": 232448, "units": 132})


@pytest.fixture
def hopper(monkeypatch):
    for module in (dependent_launch, attention):
        monkeypatch.setattr(module, "able", lambda device: True)
    return Card()


def first(configs):
    return next(iter(configs))["EARLY"]


@pytest.mark.parametrize(
    ("rows", "weight_format", "early"),
    [(1, "sym_int4", 1), (8, "sym_int4", 0), (1, "fp8_e5m2", 0), (1, "bf16", 0), (8, "bf16", 0)],
)
def test_a_linear_of_one_row_of_int4_has_it(hopper, rows, weight_format, early):
    case = LinearCase("bf16", rows, 7168, 5120, weight_format)
    assert first(linear.configs(case, hopper)) == early
    assert {config["EARLY"] for config in linear.configs(case, hopper)} == {0, 1}


@pytest.mark.parametrize(("context", "batch", "early"), [(1024, 1, 1), (1024, 8, 0), (32768, 1, 0)])
def test_attention_over_few_tokens_has_it(hopper, context, batch, early):
    case = DecodeAttentionCase("bf16", batch, 40, 8, 128, context, "bf16")
    assert first(attention.configs(case, hopper)) == early
    assert attention.usual(case, hopper)["EARLY"] == early


def test_no_other_card_is_asked_for_it():
    """An Arc card, or an older one: the parameter stays, and has one value."""
    other = Card()
    other.kind = "xpu"
    case = LinearCase("bf16", 1, 7168, 5120, "sym_int4")
    assert {config["EARLY"] for config in linear.configs(case, other)} == {0}
    attended = DecodeAttentionCase("bf16", 1, 40, 8, 128, 1024, "bf16")
    assert attention.usual(attended, other)["EARLY"] == 0
