"""Rows, fusion and tensor-parallel shares keep every value where it belongs."""

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.formats import FORMATS, Weight, concat, dequantise, random_weight, rows, shard


def weight(format: str, n: int = 12, k: int = 1024, seed: int = 1) -> Weight:
    return random_weight((n, k), format, np.random.default_rng(seed))


@pytest.mark.parametrize("format", FORMATS)
def test_rows_are_a_view(format: str) -> None:
    whole = weight(format)
    part = rows(whole, 3, 8)
    assert part.shape == (5, 1024)
    assert np.shares_memory(part.codes, whole.codes)
    np.testing.assert_array_equal(dequantise(part), dequantise(whole)[3:8])


@pytest.mark.parametrize("format", FORMATS)
def test_concat(format: str) -> None:
    parts = [weight(format, n, seed=n) for n in (8, 2, 2)]
    whole = concat(parts)
    assert whole.shape == (12, 1024)
    np.testing.assert_array_equal(dequantise(whole), np.concatenate([dequantise(p) for p in parts]))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("tp", [1, 2, 4])
def test_shards_put_together_are_the_whole(format: str, tp: int) -> None:
    whole = weight(format)
    values = dequantise(whole)
    for axis, number in (("n", 0), ("k", 1)):
        parts = [shard(whole, rank, tp, axis) for rank in range(tp)]
        assert all(p.codes.flags.c_contiguous for p in parts)
        assert sum(p.nbytes for p in parts) == whole.nbytes
        joined = np.concatenate([dequantise(p) for p in parts], axis=number)
        np.testing.assert_array_equal(joined, values)


def test_a_share_must_not_cut_a_block() -> None:
    with pytest.raises(UserError, match="K = 32 cuts the 64-element blocks of sym_int4"):
        shard(weight("sym_int4", k=256), 0, 8, "k")
    assert shard(weight("fp8_e5m2", k=256), 0, 8, "k").shape == (12, 32)


def test_refusals() -> None:
    whole = weight("bf16")
    with pytest.raises(UserError, match="N = 12 does not divide into 5"):
        shard(whole, 0, 5, "n")
    with pytest.raises(UserError, match="rank 2 is not one of 2"):
        shard(whole, 2, 2, "n")
    with pytest.raises(ValueError, match="neither"):
        shard(whole, 0, 2, "m")
    for bounds in ((-1, 3), (3, 3), (0, 13)):
        with pytest.raises(UserError, match="are not in a weight of 12 rows"):
            rows(whole, *bounds)
    with pytest.raises(UserError, match="share format and K"):
        concat([whole, weight("fp16")])
    with pytest.raises(UserError, match="share format and K"):
        concat([whole, weight("bf16", k=128)])
