"""asym_int4 as ipex-llm defines it: blocks of 64 along K, fp16 scale and minimum, 4.5 bits each.

A block's minimum is m, its scale d = (largest - m) / 15; codes are 0 to 15, w' = code * d + m.
Nibbles are in sym_int4's order: byte j of a block's 32 holds elements j (low) and j + 32 (high).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from truetpot.formats.entropy import random_bytes, random_scales
from truetpot.formats.nibbles import pack_halves, unpack_halves
from truetpot.formats.weight import Array, Rounding, blocks_of

BLOCK = 64

_LARGEST = np.finfo(np.float32).max
_CODE_RMS = (255 / 12) ** 0.5
"""Of code - 7.5 over the 16 codes."""


class AsymInt4:
    """Codes are uint8 [n, k/2], scales float16 [n, k/64, 2]: d, then m."""

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, Array]:
        """Nearest either way, codes from d and m before they are rounded to fp16, as the vendor."""
        blocks = blocks_of(w, BLOCK)
        low, high = _first(blocks, np.argmin, np.inf), _first(blocks, np.argmax, -np.inf)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            scale = (high - low) / np.float32(15)
            inverse = np.float32(1) / scale
            inverse[~np.isfinite(inverse)] = 0
            codes = blocks - low
            codes *= inverse
            codes += np.float32(0.5)
            codes[~np.isfinite(codes)] = 0
            np.minimum(codes, 15, out=codes)
            stored = np.concatenate([scale, low], axis=2).astype(np.float16)
        packed = pack_halves(codes.astype(np.uint8))  # positive, so truncation is floor
        return packed.reshape(len(w), -1), stored

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """code * d + m in float64."""
        assert scales is not None
        values = unpack_halves(blocks_of(codes, BLOCK // 2)).astype(np.float64)
        d, m = np.split(scales.astype(np.float64), 2, axis=2)
        return (values * d + m).reshape(len(codes), -1)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array]:
        """Uniform codes, scales that differ, and a minimum that puts the mean near 0."""
        n, k = shape
        codes = random_bytes((n, k // 2), rng)
        # 7.1 to 7.9 steps below zero: no code stands for zero itself. It adds 0.8^2 / 12.
        d = random_scales((n, k // BLOCK), rng, std / (_CODE_RMS**2 + 0.64 / 12) ** 0.5)
        shift = np.float32(0.8) * rng.random(d.shape, dtype=np.float32) - np.float32(7.9)
        return codes, np.stack([d, d * shift], axis=2).astype(np.float16)


def _first(blocks: Array, where: Callable[..., Any], instead: float) -> Array:
    """Smallest or largest of each block, the first of equals (which may be -0), NaN left out."""
    if np.isnan(blocks).any():
        blocks = np.where(np.isnan(blocks), np.float32(instead), blocks)
    found = np.take_along_axis(blocks, where(blocks, axis=2, keepdims=True), axis=2)
    return np.clip(found, -_LARGEST, _LARGEST)


CODEC = AsymInt4()
