"""The public tables of an Arc Pro B60: what cannot be true of them, and how well they predict."""

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.stack.library.cross import EQUAL, ROW, CrossValidation
from truetpot.stack.library.interpolate import Interpolation
from truetpot.stack.library.limits import best_bandwidth, launch_floor
from truetpot.stack.library.physics import beyond, impossible

GEMM = [("fp8", "0.20"), ("bfloat16", "0.20")]
BEYOND_L2 = "m <= 32, weights beyond the L2"
CACHE_BEYOND_L2, CACHE_IN_L2 = "cache beyond the L2", "cache that the L2 may hold"


def at_m1(table):
    rows = [row for row in beyond(table) if table.get(row.key, "m") == 1]
    return sum(not row.cached for row in rows), sum(row.cached for row in rows)


def test_rows_of_the_old_table_that_physics_forbids(table):
    counts = [at_m1(table("linear", format, "gemm_vllm_0.12")) for format in ("bfloat16", "fp8")]
    assert [sum(one) for one in zip(*counts, strict=True)] == [182, 10]
    assert impossible(table("linear", "fp8", "gemm_vllm_0.12"))


@pytest.mark.parametrize("format", ["fp8", "bfloat16"])
def test_the_new_table_has_none(table, format):
    new = table("linear", format, "gemm_vllm_0.20")
    assert beyond(new) == []
    assert 440e9 < best_bandwidth(new) < 456e9


def test_nor_have_attention_and_collectives(library):
    others = [one for one in library.tables if one.op != "linear"]
    assert {one.op for one in others} >= {"decode_attention", "all_reduce"}
    assert not any(beyond(one) for one in others)


def test_the_collectors_launch_floor(table):
    """20 to 24 us of an fp8 GEMM, 31 to 35 of bf16, 53 to 70 of attention."""
    fp8 = launch_floor(table("linear", "fp8", "gemm_vllm_0.20"))
    bf16 = launch_floor(table("linear", "bfloat16", "gemm_vllm_0.20"))
    attention = launch_floor(table("decode_attention", "bfloat16", "generation"))
    assert 20e-6 < fp8.median_s < 24e-6
    assert 31e-6 < bf16.median_s < 35e-6
    assert 55e-6 < attention.median_s < 70e-6
    for floor in (fp8, bf16, attention):
        assert floor.rows > 500
        assert floor.low_s < floor.median_s < floor.high_s
        assert 0 < floor.scatter < floor.scatter_p90


@pytest.mark.parametrize(("format", "version"), GEMM)
def test_a_row_of_gemm_left_out(table, format, version):
    found = CrossValidation(table("linear", format, version)).left_out(ROW, BEYOND_L2)
    assert found.rows > 1000
    assert found.median <= 0.045
    assert found.p90 <= 0.16


@pytest.mark.parametrize(("format", "version"), GEMM)
def test_a_whole_n_is_predicted_and_a_whole_k_is_not(table, format, version):
    validation = CrossValidation(table("linear", format, version))
    n, k = (validation.left_out(axis, BEYOND_L2) for axis in "nk")
    assert n.p90 <= 0.10
    assert k.p90 > 2 * n.p90
    assert k.least < -0.4 and k.most > 0.5


@pytest.mark.parametrize("format", ["fp8", "bfloat16"])
def test_a_row_of_attention_left_out(table, format):
    """Beyond the L2 it is predicted; below that lies the collector's launch, which scatters."""
    attention = table("decode_attention", format, "generation")
    validation = CrossValidation(attention)
    large, small = (validation.left_out(ROW, kind) for kind in (CACHE_BEYOND_L2, CACHE_IN_L2))
    assert large.rows > 2000 and large.median <= 0.01 and large.p90 <= 0.04
    scatter = launch_floor(attention).scatter
    assert 0.8 * scatter < small.median < 1.1 * scatter
    errors = [
        abs(e) for kind in (CACHE_BEYOND_L2, CACHE_IN_L2) for e in validation.errors[ROW, kind]
    ]
    assert len(errors) > 12_500
    assert np.median(errors) <= 0.045


@pytest.mark.parametrize("format", ["fp8", "bfloat16"])
def test_equal_batch_x_kv_heads_take_equal_times(table, format):
    """Which no line between two batches tells, where waves of work-groups make steps."""
    attention = table("decode_attention", format, "generation")
    validation = CrossValidation(attention)
    equal, batch = (validation.left_out(what, CACHE_BEYOND_L2) for what in (EQUAL, "batch"))
    assert equal.median <= 0.01 and equal.p90 <= 0.03
    assert batch.p90 > 4 * equal.p90
    times = [attention.rows[64 // kv, 2048, 4 * kv, kv, 128, 0] for kv in (1, 2, 4, 8)]
    assert max(times) < 1.03 * min(times)


def test_a_shape_that_was_not_measured_by_its_equals(table):
    """128 heads on 8 KV heads of one sequence: as 16 on 1 of eight, 32 on 2 of four."""
    fp8 = table("decode_attention", "fp8", "generation")
    equal = [(8, 16384, 16, 1, 128, 0), (4, 16384, 32, 2, 128, 0), (2, 16384, 64, 4, 128, 0)]
    times = [fp8.rows[key] for key in equal]
    assert max(times) < 1.03 * min(times)
    shape = {"batch": 1, "tokens": 16384, "heads": 128, "kv_heads": 8, "head_dim": 128}
    found = Interpolation(fp8).at(shape)
    assert found.axes == (EQUAL,) and found.how == "equal batch x kv_heads"
    assert found.seconds == np.median(times)
    assert 0.95 * found.seconds < found.low_s < found.seconds
    assert found.seconds < found.high_s < 1.05 * found.seconds


def test_a_measured_row_is_itself(table):
    fp8 = table("linear", "fp8", "gemm_vllm_0.20")
    found = Interpolation(fp8).at({"m": 1, "n": 51200, "k": 5120})
    assert found.seconds == found.low_s == found.high_s == pytest.approx(594e-6, rel=0.01)
    assert found.axes == ()


def test_an_n_between_two_is_linear_in_bytes(table):
    fp8 = table("linear", "fp8", "gemm_vllm_0.20")
    low, high = (fp8.rows[1, n, 5120] for n in (12288, 16384))
    found = Interpolation(fp8).at({"m": 1, "n": 13824, "k": 5120})
    share = (13824 - 12288) / (16384 - 12288)
    assert found.seconds == pytest.approx(low + share * (high - low))
    assert found.axes == ("n",)
    assert found.low_s < found.seconds < found.high_s < 1.3 * found.seconds


def test_a_k_off_the_grid_has_the_error_of_a_whole_k_left_out(table):
    fp8 = table("linear", "fp8", "gemm_vllm_0.20")
    interpolation = Interpolation(fp8)
    found = interpolation.at({"m": 1, "n": 5120, "k": 6912})
    k = interpolation.validation.left_out("k", BEYOND_L2)
    assert found.axes == ("k",)
    assert found.low_s == pytest.approx(found.seconds / (1 + k.high))
    assert found.high_s == pytest.approx(found.seconds / (1 + k.low))


@pytest.mark.parametrize(
    "shape",
    [
        {"m": 1, "n": 5120, "k": 100_000},
        {"m": 1, "n": 100_000, "k": 5120},
        {"m": 100_000, "n": 5120, "k": 5120},
        {"m": 1, "n": 16, "k": 5120},
    ],
)
def test_nothing_is_extrapolated(table, shape):
    with pytest.raises(UserError, match="nothing is extrapolated"):
        Interpolation(table("linear", "fp8", "gemm_vllm_0.20")).at(shape)


def test_heads_per_kv_head_are_no_axis(table):
    attention = table("decode_attention", "bfloat16", "generation")
    shape = {"batch": 1, "tokens": 1024, "heads": 15, "kv_heads": 3, "head_dim": 128}
    with pytest.raises(UserError, match="kv_heads 1, 2, 4, 8, and 3 is asked for"):
        Interpolation(attention).at(shape)


def test_a_message_is_counted_in_bytes(table):
    """The column has elements: half of them of twice the size take the same time."""
    half, int8 = (table("all_reduce", one, "oneccl") for one in ("half", "int8"))
    common = set(half.rows) & set(int8.rows)
    assert len(common) > 30
    ratios = [half.rows[key] / int8.rows[key] for key in common]
    assert np.median(ratios) == pytest.approx(1, abs=0.02)
    assert max(ratios) < 1.1 and min(ratios) > 0.9


def test_every_table_says_whose_it_is(library):
    for one in library.tables:
        assert one.origin.card.key == "arc-pro-b60"
        assert one.origin.version and one.origin.stack and one.origin.timing
