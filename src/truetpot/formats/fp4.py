"""fp4 as ipex-llm defines it: blocks of 64 along K, an fp16 scale each, 4.25 bits a weight.

A code is a sign bit and one of eight magnitudes (OCP's e2m1); a block's scale is d = (largest
magnitude) / 6 and w' = e2m1(code) * d. Nibbles are in sym_int4's order. The vendor takes 0.5 for
all from 0.25 to 1.0, where 1.0 is nearer from 0.75 on: rounding "vendor".
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from truetpot.formats.entropy import random_bytes, random_scales
from truetpot.formats.nibbles import pack_halves, unpack_halves
from truetpot.formats.weight import Array, Rounding, blocks_of, magnitudes

BLOCK = 64

VALUES = np.arange(16, dtype=np.uint8).view(ml_dtypes.float4_e2m1fn).astype(np.float64)
"""What a code stands for, over the scale: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives."""
_UP = np.float32(np.inf)
_LEAST = np.array([0.25, 1, 1.25, 1.75, 2.5, 3.5, 5], np.float32)
_LEAST[[2, 4, 6]] = np.nextafter(_LEAST[[2, 4, 6]], _UP)
"""The vendor's smallest of each magnitude from 0.5 on."""
_RMS = float(np.sqrt(np.mean(VALUES**2)))


class Fp4:
    """Codes are uint8 [n, k/2], scales float16 [n, k/64]."""

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, Array]:
        """Codes from d before it is rounded to fp16, as the vendor. A block of zeros has d = 1."""
        blocks = blocks_of(w, BLOCK)
        largest = magnitudes(blocks)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            inverse = np.float32(6) / largest
            inverse[largest == 0] = 1
            scaled = blocks * inverse
            stored = (np.float32(1) / inverse)[..., 0].astype(np.float16)
        if rounding == "vendor":
            codes = np.searchsorted(_LEAST, np.abs(scaled), side="right").astype(np.uint8)
            codes |= np.signbit(scaled).astype(np.uint8) << 3
        else:
            scaled[~np.isfinite(scaled)] = 0  # so small a block has the scale 0 too
            codes = scaled.astype(ml_dtypes.float4_e2m1fn).view(np.uint8)
        return pack_halves(codes).reshape(len(w), -1), stored

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """The code's value times d in float64."""
        assert scales is not None
        values = VALUES[unpack_halves(blocks_of(codes, BLOCK // 2))]
        values *= scales.astype(np.float64)[..., None]
        return values.reshape(len(codes), -1)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array]:
        """Uniform codes, and scales that differ."""
        n, k = shape
        codes = random_bytes((n, k // 2), rng)
        scales = random_scales((n, k // BLOCK), rng, std / _RMS)
        return codes, scales.astype(np.float16)


CODEC = Fp4()
