"""Random weights: valid, as wide as asked for, never zeros, the same for the same seed."""

import numpy as np
import pytest

from truetpot.errors import UserError
from truetpot.facts.formats import storage
from truetpot.formats import FORMATS, dequantise, entropy, quantise, random_weight
from truetpot.formats.entropy import fill_bytes


@pytest.mark.parametrize("std", [None, 0.02, 1.0])
@pytest.mark.parametrize("format", FORMATS)
def test_mean_and_deviation(format: str, std: float | None) -> None:
    values = dequantise(random_weight((512, 1024), format, np.random.default_rng(1), std))
    wanted = 1 / 32 if std is None else std
    assert np.isfinite(values).all()
    assert values.std() == pytest.approx(wanted, rel=0.03)
    # 524288 values (8192 blocks of one sign each): within five deviations of zero.
    assert abs(values.mean()) < 5 * wanted / np.sqrt(8192)
    assert abs(np.corrcoef(values[0], values[1])[0, 1]) < 0.2
    assert np.abs(values).max() < 6 * wanted


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("shape", [(1, 256), (3, 768), (5, 256)])
def test_shapes_and_bytes(format: str, shape: tuple[int, int]) -> None:
    weight = random_weight(shape, format, np.random.default_rng(2))
    assert weight.shape == shape
    assert dequantise(weight).shape == shape
    assert weight.nbytes == sum(storage(format, *shape)[:2])
    like = quantise(np.ones(shape, np.float32), format)
    assert (weight.codes.shape, weight.codes.dtype) == (like.codes.shape, like.codes.dtype)
    assert (weight.scales is None) == (like.scales is None)


@pytest.mark.parametrize("format", ["fp32", "fp16", "bf16", "fp8_e5m2"])
def test_odd_sizes(format: str) -> None:
    values = dequantise(random_weight((3, 7), format, np.random.default_rng(3)))
    assert values.shape == (3, 7)
    assert values.all()


@pytest.mark.parametrize("format", FORMATS)
def test_few_zeros_and_much_entropy(format: str) -> None:
    """Zeros or repeats would be compressed by the memory they are meant to measure."""
    weight = random_weight((256, 4096), format, np.random.default_rng(4))
    values = dequantise(weight)
    # One code of sixteen is zero in most 4-bit formats; where there is choice none is meant to be.
    zeros = dict.fromkeys(("sym_int4", "woq_int4", "nf4"), 1 / 16) | {"fp4": 1 / 8, "fp6": 1 / 32}
    assert (values == 0).mean() < 1.02 * zeros.get(format, 1e-5)
    counts = np.unique(weight.codes.view(np.uint8), return_counts=True)[1] / weight.codes.nbytes
    assert -(counts * np.log2(counts)).sum() > 4.5


@pytest.mark.parametrize("format", FORMATS)
def test_the_seed_decides(format: str) -> None:
    one, same, other = (
        random_weight((64, 4096), format, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert one.codes.tobytes() == same.codes.tobytes()
    assert one.codes.tobytes() != other.codes.tobytes()
    if one.scales is not None and same.scales is not None:
        assert one.scales.tobytes() == same.scales.tobytes()


@pytest.mark.parametrize("format", ["bf16", "fp8_e5m2", "sym_int4"])
@pytest.mark.parametrize("threads", [1, 3])
def test_all_cores_make_what_one_makes(format: str, threads: int, monkeypatch) -> None:
    alone = random_weight((63, 4096), format, np.random.default_rng(8))
    monkeypatch.setattr(entropy, "_PARALLEL_FROM", 0)
    monkeypatch.setattr(entropy, "get_num_threads", lambda: threads)
    together = random_weight((63, 4096), format, np.random.default_rng(8))
    assert alone.codes.tobytes() == together.codes.tobytes()


def test_two_draws_of_one_generator_differ() -> None:
    rng = np.random.default_rng(7)
    first, second = (random_weight((8, 512), "sym_int4", rng) for _ in range(2))
    assert first.codes.tobytes() != second.codes.tobytes()


def test_any_bit_generator_will_do() -> None:
    for bits in (np.random.MT19937(1), np.random.Philox(1), np.random.SFC64(1)):
        values = dequantise(random_weight((64, 512), "bf16", np.random.Generator(bits)))
        assert values.std() == pytest.approx(512**-0.5, rel=0.05)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 4097])
def test_every_byte_is_filled(size: int) -> None:
    seen = np.zeros(size, bool)
    rng = np.random.default_rng(8)
    for _ in range(8):
        out = np.zeros(size, np.uint8)
        fill_bytes(out, rng)
        seen |= out != 0
    assert seen.all()


def test_refusals() -> None:
    rng = np.random.default_rng(9)
    with pytest.raises(UserError, match="K = 96 is no multiple"):
        random_weight((2, 96), "sym_int4", rng)
    with pytest.raises(UserError, match="empty"):
        random_weight((0, 64), "bf16", rng)
    with pytest.raises(UserError, match="out of the range"):
        random_weight((2, 64), "bf16", rng, std=0.0)
