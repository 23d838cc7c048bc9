"""fp32, fp16 and bf16: one IEEE-like number a weight, rounded to nearest even, no scales."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from truetpot.formats.entropy import fill_from_table, fill_uniform, normal_table
from truetpot.formats.weight import Array, Rounding


class Plain:
    """Codes are [n, k] of `dtype`; there are no scales."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, None]:
        """Round to nearest even. What is too large becomes infinite, which the caller refuses."""
        with np.errstate(over="ignore"):
            return w.astype(self.dtype), None

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """The codes widened to float64, which is exact."""
        assert scales is None
        return codes.astype(np.float64)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, None]:
        """Normal values for the 16-bit formats, uniform ones (which are quicker) for fp32."""
        out = np.empty(shape, self.dtype)
        if self.dtype.itemsize == 4:
            fill_uniform(out, rng, std)
        else:
            table = _table(self.dtype, std)
            fill_from_table(out.view(table.dtype), table, rng)
        return out, None


@lru_cache(maxsize=16)
def _table(dtype: np.dtype[Any], std: float) -> Array:
    def encode(values: NDArray[np.float64]) -> Array:
        return values.astype(np.float32).astype(dtype)

    bits = np.dtype(f"u{dtype.itemsize}")
    return normal_table(256**dtype.itemsize, std, encode).view(bits)


FP32 = Plain(np.float32)
FP16 = Plain(np.float16)
BF16 = Plain(ml_dtypes.bfloat16)
CODECS = {"fp32": FP32, "fp16": FP16, "bf16": BF16}
