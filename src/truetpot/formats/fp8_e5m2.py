"""fp8_e5m2: the upper byte of a half-precision number, one uint8 a weight, no scales.

Sign, 5 exponent bits (bias 15), 2 mantissa bits; largest finite 57344. ipex-llm cuts the lower byte
off instead of rounding, which shrinks the weights by 8 %: rounding "vendor". It also stores an fp32
1.0 for every 64 weights, which belongs to its layout and not to this one.
"""

from __future__ import annotations

from functools import lru_cache

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from truetpot.formats.entropy import fill_from_table, normal_table
from truetpot.formats.weight import Array, Rounding, half_bits


class Fp8E5m2:
    """Codes are uint8 [n, k]."""

    dtype = np.dtype(ml_dtypes.float8_e5m2)

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, None]:
        """Ties go to even. What is too large becomes infinite, which the caller refuses."""
        with np.errstate(over="ignore"):
            if rounding == "vendor":
                return (half_bits(w) >> 8).astype(np.uint8), None
            return w.astype(ml_dtypes.float8_e5m2).view(np.uint8), None

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """Put the byte back on top of a half-precision number, exactly."""
        assert scales is None
        return (codes.astype(np.uint16) << 8).view(np.float16).astype(np.float64)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, None]:
        """Normal values; never a NaN or an infinity, which random bytes would hold."""
        out = np.empty(shape, np.uint8)
        fill_from_table(out, _table(std), rng)
        return out, None


@lru_cache(maxsize=64)
def _table(std: float) -> Array:
    def encode(values: NDArray[np.float64]) -> Array:
        return values.astype(np.float32).astype(ml_dtypes.float8_e5m2)

    return normal_table(256, std, encode).view(np.uint8)


CODEC = Fp8E5m2()
