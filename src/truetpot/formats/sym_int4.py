"""sym_int4 as ipex-llm defines it: blocks of 64 along K, an fp16 scale each, 4.25 bits a weight.

A block's scale is d = m / -8, m being its element of largest magnitude with its sign (the first of
equals), so d may be negative and m itself always gets code 0. Codes are 0 to 15, w' = (code - 8) d.
Byte j of a block's 32 holds element j in its low nibble and element j + 32 in its high one.
Agrees bit for bit with what ipex-llm 2.2.0's library writes (tests/formats/test_sym_int4.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from truetpot.formats.entropy import fill_bytes
from truetpot.formats.weight import Array

BLOCK = 64

# Root mean square of code - 8 over the 16 codes: sqrt(mean(k^2 for k in -8..7)) = sqrt(21.5).
_CODE_RMS = 21.5**0.5


class SymInt4:
    """Codes are uint8 [n, k/2], scales float16 [n, k/64]."""

    def quantise(self, w: NDArray[np.float32]) -> tuple[Array, Array]:
        """Codes from the scale before it is rounded to fp16, in float32, as the vendor does.

        Two ties are settled here: a block of zeros gets codes 8 and scale -0.0 (0 / -8), and so do
        the codes of a block so small that 1/d is not finite. Where d rounds to zero, the codes stay
        the vendor's although every value they stand for is zero.
        """
        n, k = w.shape
        blocks = w.reshape(n, k // BLOCK, BLOCK)
        largest = np.abs(blocks).argmax(axis=2, keepdims=True)
        scale = np.take_along_axis(blocks, largest, axis=2) / np.float32(-8)
        # Overflow and NaN show in the stored scales, where the caller looks for them.
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            stored = scale[..., 0].astype(np.float16)
            inverse = np.float32(1) / scale
            inverse[~np.isfinite(inverse)] = 0
            codes = blocks * inverse
            codes += np.float32(8.5)
            np.minimum(codes, 15, out=codes)
            nibbles = codes.astype(np.uint8)  # positive, so truncation is floor
        half = BLOCK // 2
        packed = nibbles[..., :half] | (nibbles[..., half:] << 4)
        return packed.reshape(n, k // 2), stored

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """(code - 8) d in float64."""
        assert scales is not None
        n, blocks = scales.shape
        packed = codes.reshape(n, blocks, BLOCK // 2)
        values = np.concatenate([packed & 15, packed >> 4], axis=2).astype(np.float64)
        values -= 8
        values *= scales.astype(np.float64)[..., None]
        return values.reshape(n, blocks * BLOCK)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array]:
        """Uniform codes, scales of either sign: the codes alone would not have mean 0."""
        n, k = shape
        codes = np.empty((n, k // 2), np.uint8)
        fill_bytes(codes, rng)
        size = rng.random((n, k // BLOCK), dtype=np.float32)
        size += np.float32(0.5)  # uniform on 0.5 to 1.5: its mean square is 13/12
        size *= np.float32(std / _CODE_RMS / (13 / 12) ** 0.5)
        signs = rng.integers(0, 2, size.shape, dtype=np.uint16) << 15
        return codes, (size.astype(np.float16).view(np.uint16) | signs).view(np.float16)


CODEC = SymInt4()
