"""fp6 as ipex-llm defines it: blocks of 64 along K, an fp16 scale each, 6.25 bits a weight.

Sign, 3 exponent bits (bias 3), 2 mantissa bits, no infinity and no NaN: OCP's e3m2, largest 28. A
block's scale is s = 4096 * (largest magnitude) / 28 and w' = e3m2(code) * s / 4096, so a block with
a weight above about 447 does not fit. The vendor makes w / s a half-precision number and cuts its
lower eight mantissa bits off: rounding "vendor".

A block is 48 bytes: the lower four bits of all codes in 32, the upper two in 16. The elements are
shuffled, in sixteens: :data:`LOW` and :data:`HIGH` say where each has its bits.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from truetpot.formats.entropy import random_bytes, random_scales
from truetpot.formats.nibbles import pack_pairs, unpack_pairs
from truetpot.formats.weight import Array, Rounding, blocks_of, half_bits, magnitudes

BLOCK = 64
CODE_BYTES = 48

LOW = np.array([3, 7, 1, 5, 2, 6, 0, 4, 11, 15, 9, 13, 10, 14, 8, 12])
"""Of each sixteen elements, the nibble that holds the lower four bits of each (even: low half)."""
HIGH = np.array([7, 15, 3, 11, 6, 14, 2, 10, 5, 13, 1, 9, 4, 12, 0, 8])
"""Likewise the pair of bits that holds the upper two."""

VALUES = np.arange(64, dtype=np.uint8).view(ml_dtypes.float6_e3m2fn).astype(np.float64)
"""What each of the 64 codes stands for, over s / 4096."""
_RMS = float(np.sqrt(np.mean(VALUES**2)))


class Fp6:
    """Codes are uint8 [n, k * 3/4], 48 a block; scales float16 [n, k/64]."""

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, Array]:
        """Codes from s before it is rounded to fp16. A block of zeros has s = 4096."""
        blocks = blocks_of(w, BLOCK)
        largest = magnitudes(blocks)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            inverse = np.float32(28) / largest
            inverse[largest == 0] = 1
            stored = (np.float32(4096) / inverse)[..., 0].astype(np.float16)
            if rounding == "vendor":
                # e3m2 is half precision less two bits of the exponent and eight of the mantissa.
                half = half_bits(blocks * (inverse / np.float32(4096)))
                codes = ((half >> 10) & 0x20 | (half >> 8) & 0x1F).astype(np.uint8)
            else:
                scaled = blocks * inverse
                scaled[~np.isfinite(scaled)] = 0  # so small a block has the scale 0 too
                codes = scaled.astype(ml_dtypes.float6_e3m2fn).view(np.uint8)
        return _pack(codes).reshape(len(w), -1), stored

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """The code's value times s / 4096 in float64."""
        assert scales is not None
        values = VALUES[_unpack(blocks_of(codes, CODE_BYTES))]
        values *= scales.astype(np.float64)[..., None] / 4096
        return values.reshape(len(codes), -1)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array]:
        """Uniform codes, and scales that differ."""
        n, k = shape
        codes = random_bytes((n, k // BLOCK * CODE_BYTES), rng)
        scales = random_scales((n, k // BLOCK), rng, std / _RMS * 4096)
        return codes, scales.astype(np.float16)


def _pack(codes: Array) -> Array:
    """6-bit codes [..., 64] as [..., 48] bytes."""
    sixteens = codes.reshape(*codes.shape[:-1], -1, 16)
    low = np.empty_like(sixteens)
    high = np.empty_like(sixteens)
    low[..., LOW] = sixteens & 15
    high[..., HIGH] = sixteens >> 4
    shifts = np.array([0, 2, 4, 6], np.uint8)
    high = (high.reshape(*high.shape[:-1], 4, 4) << shifts).sum(axis=-1, dtype=np.uint8)
    parts = [part.reshape(*codes.shape[:-1], -1) for part in (pack_pairs(low), high)]
    return np.concatenate(parts, axis=-1)


def _unpack(packed: Array) -> Array:
    """The inverse of :func:`_pack`."""
    low = unpack_pairs(packed[..., :32]).reshape(*packed.shape[:-1], -1, 16)
    high = packed[..., 32:, None] >> np.array([0, 2, 4, 6], np.uint8) & 3
    high = high.reshape(low.shape)
    return (low[..., LOW] | high[..., HIGH] << 4).reshape(*packed.shape[:-1], -1)


CODEC = Fp6()
