"""Defaults of Triton's linears: parts of K that are equal and no wave too many, and others."""

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

from hypothesis import given
from hypothesis import strategies as st
from truetpot.kernels._lib.triton.linear import configs as linear

from truetpot.ops import LinearCase


class Card:
    """132 multiprocessors, as an H200 has."""

    kind = "cuda"
    identity = staticmethod(lambda: {"local_memory_bytes": 232448, "units": 132})


@pytest.fixture(autouse=True)
def early(monkeypatch):
    monkeypatch.setattr(linear, "choices", lambda *_: ({"EARLY": 0},))


@given(blocks=st.integers(1, 1000), most=st.integers(-1, 1000))
def test_the_largest_divisor_that_is_not_too_large(blocks, most):
    found = linear.parts(blocks, most)
    divisors = [count for count in range(1, blocks + 1) if blocks % count == 0]
    assert found == max(count for count in divisors if count <= max(1, most))


@pytest.mark.parametrize("weight_format", ["sym_int4", "fp8_e5m2"])
@pytest.mark.parametrize(("n", "k", "split"), [(7168, 5120, 4), (5120, 5120, 5), (5120, 27648, 6)])
def test_a_default_by_warp_groups_has_room_at_once(weight_format, n, k, split):
    """56 and 40 tiles of 128 rows, two programs of them on each of 132 multiprocessors."""
    for m in (17, 64):
        default = next(iter(linear.configs(LinearCase("bf16", m, n, k, weight_format), Card())))
        assert (default["Q"], default["SPLIT"]) == (2, split)


@pytest.mark.parametrize("weight_format", ["fp8_e5m2", "fp8_e4m3", "sym_int8"])
def test_an_intel_gpu_has_one_tile_a_warp(weight_format):
    """Two spill there, compiled for Battlemage with 256 registers (docs/performance/arc.md)."""
    card = Card()
    card.kind = "xpu"
    case = LinearCase("fp16", 32, 5120, 5120, weight_format)
    default = next(iter(linear.configs(case, card)))
    assert (default["Q"], default["DIRECT"]) == (1, 0)


@given(k=st.integers(1, 100), m=st.sampled_from([2, 8, 16, 17, 64]))
def test_each_candidate_is_a_power_of_two_or_divides_the_blocks(k, m):
    """Of a K that its warps share evenly."""
    for config in linear.configs(LinearCase("bf16", m, 7168, 512 * k, "sym_int4"), Card()):
        split = config["SPLIT"]
        assert split & (split - 1) == 0 or 4 * k % split == 0


def test_more_stages_for_many_rows_of_x_and_longer_blocks_for_few():
    """Of a sweep on an H200 (docs/performance/h200.md); each took up to 1.15 times as long."""
    card = Card()

    def default(m, n, k):
        config = next(iter(linear.configs(LinearCase("bf16", m, n, k, "bf16"), card)))
        return config["BK"], config["STAGES"], config["SPLIT"]

    assert [default(m, 55296, 5120) for m in (8, 16)] == [(128, 2, 1)] * 2
    assert [default(m, 55296, 5120) for m in (17, 64)] == [(128, 6, 1)] * 2
    assert [default(m, 5120, 5120) for m in (2, 16, 17)] == [(256, 4, 1)] * 2 + [(128, 6, 1)]
    assert [default(m, 5120, 27648) for m in (16, 17)] == [(128, 2, 8), (128, 6, 1)]
    card.kind = "xpu"
    assert default(8, 5120, 5120) == (128, 6, 1)
