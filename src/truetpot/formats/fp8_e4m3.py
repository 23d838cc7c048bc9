"""fp8_e4m3 as ipex-llm defines it: one uint8 a weight, an fp32 scale for every 64 along K.

Sign, 4 exponent bits (bias 7), 3 mantissa bits, no infinity: OCP's e4m3fn, largest finite 448. A
block's scale is s = (largest magnitude) / 1.75 and w' = e4m3fn(code) * s / 256. The vendor makes
w / s a half-precision number and cuts its lower seven mantissa bits off: rounding "vendor".
"""

from __future__ import annotations

from functools import lru_cache

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from truetpot.formats.entropy import fill_from_table, normal_table, random_scales
from truetpot.formats.weight import Array, Rounding, blocks_of, half_bits, magnitudes

BLOCK = 64

_CODE_STD = 128.0
"""Deviation of random codes' values: their largest quantile, 2.9 of these, stays below 448."""


class Fp8E4m3:
    """Codes are uint8 [n, k], scales float32 [n, k/64]."""

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, Array]:
        """Scale and codes both come from 448 / (largest magnitude) in float32, as the vendor's do.

        A block of zeros gets the scale 256, which stands for 1.
        """
        blocks = blocks_of(w, BLOCK)
        largest = magnitudes(blocks)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            inverse = np.float32(448) / largest
            inverse[largest == 0] = 1
            scale = np.float32(1) / (inverse / np.float32(256))
            scaled = blocks * inverse
            if rounding == "vendor":
                # e4m3 is half precision without an exponent bit and without seven of the mantissa.
                half = half_bits(scaled / np.float32(256))
                codes = ((half >> 8) & 0x80 | (half >> 7) & 0x7F).astype(np.uint8)
            else:
                scaled[~np.isfinite(scaled)] = 0  # so small a block has the scale 0 too
                codes = scaled.astype(ml_dtypes.float8_e4m3fn).view(np.uint8)
        return codes.reshape(w.shape), scale[..., 0]

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """e4m3fn(code) * s / 256 in float64."""
        assert scales is not None
        values = blocks_of(codes.view(ml_dtypes.float8_e4m3fn).astype(np.float64), BLOCK)
        values *= scales.astype(np.float64)[..., None] / 256
        return values.reshape(codes.shape)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array]:
        """Normal codes, never a NaN or a zero, and scales that differ."""
        codes = np.empty(shape, np.uint8)
        fill_from_table(codes, _table(), rng)
        return codes, random_scales((shape[0], shape[1] // BLOCK), rng, std * 256 / _CODE_STD)


@lru_cache(maxsize=1)
def _table() -> Array:
    def encode(values: NDArray[np.float64]) -> Array:
        return values.astype(np.float32).astype(ml_dtypes.float8_e4m3fn)

    return normal_table(256, _CODE_STD, encode).view(np.uint8)


CODEC = Fp8E4m3()
