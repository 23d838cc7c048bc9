"""sym_int4 as ipex-llm defines it: blocks of 64 along K, an fp16 scale each, 4.25 bits a weight.

A block's scale is d = m / -8, m being its element of largest magnitude with its sign (the first of
equals), so d may be negative and m itself always gets code 0. Codes are 0 to 15, w' = (code - 8) d.
Byte j of a block's 32 holds element j in its low nibble and element j + 32 in its high one.
Agrees bit for bit with what ipex-llm 2.2.0's library writes (tests/formats/test_sym_int4.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from truetpot.formats.entropy import random_bytes, signed_scales
from truetpot.formats.nibbles import pack_halves, unpack_halves
from truetpot.formats.weight import Array, Rounding, blocks_of, largest_of

BLOCK = 64

# Root mean square of code - 8 over the 16 codes: sqrt(mean(k^2 for k in -8..7)) = sqrt(21.5).
_CODE_RMS = 21.5**0.5


class SymInt4:
    """Codes are uint8 [n, k/2], scales float16 [n, k/64]."""

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, Array]:
        """Nearest either way, codes from the scale before it is rounded to fp16, as the vendor.

        The vendor's builds for AVX2 and AVX-512 round a product and its sum once, its build for AVX
        twice, as here: some ties differ. Rounding "vendor" is as the former.

        A block whose d is 0 (-0.0 for zeros) gets codes 8, one so small that 1/d is not finite
        codes 0. Where d rounds to zero every value is zero, whatever the codes.
        """
        blocks = blocks_of(w, BLOCK)
        largest = largest_of(blocks)
        # Overflow shows in the stored scales, where the caller looks for it.
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            scale = largest / np.float32(-8)
            stored = scale[..., 0].astype(np.float16)
            inverse = np.float32(1) / scale
            inverse[scale == 0] = 0
            if rounding == "vendor":
                codes = (blocks * inverse.astype(np.float64) + 8.5).astype(np.float32)
            else:
                codes = blocks * inverse
                codes += np.float32(8.5)
            codes[~np.isfinite(codes)] = 0
            np.minimum(codes, 15, out=codes)
            nibbles = codes.astype(np.uint8)  # positive, so truncation is floor
        return pack_halves(nibbles).reshape(len(w), -1), stored

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """(code - 8) d in float64."""
        assert scales is not None
        values = unpack_halves(blocks_of(codes, BLOCK // 2)).astype(np.float64)
        values -= 8
        values *= scales.astype(np.float64)[..., None]
        return values.reshape(len(codes), -1)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array]:
        """Uniform codes, scales of either sign: the codes alone would not have mean 0."""
        n, k = shape
        codes = random_bytes((n, k // 2), rng)
        return codes, signed_scales((n, k // BLOCK), rng, std / _CODE_RMS)


CODEC = SymInt4()
