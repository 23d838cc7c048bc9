"""woq_int4: sym_int4's values and scales with the codes in plain order, as oneDNN reads them.

Byte i of a block's 32 holds element 2i in its low nibble and 2i + 1 in its high one: row-major
4-bit numbers, zero point 8. ipex-llm stores it as sym_int4 on the CPU, in this order on XPU.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from truetpot.formats import sym_int4
from truetpot.formats.nibbles import pack_halves, pack_pairs, unpack_halves, unpack_pairs
from truetpot.formats.weight import Array, Rounding, blocks_of


class WoqInt4:
    """Codes are uint8 [n, k/2], scales float16 [n, k/64]."""

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, Array]:
        """As sym_int4, in the other order."""
        codes, scales = sym_int4.CODEC.quantise(w, rounding)
        return paired(codes), scales

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """(code - 8) d in float64."""
        return sym_int4.CODEC.dequantise(halved(codes), scales)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array]:
        """Random bytes are as random in any order."""
        return sym_int4.CODEC.random(shape, rng, std)


def paired(codes: Array) -> Array:
    """sym_int4's codes [n, k/2] in woq_int4's order."""
    return pack_pairs(unpack_halves(blocks_of(codes, sym_int4.BLOCK // 2))).reshape(codes.shape)


def halved(codes: Array) -> Array:
    """woq_int4's codes [n, k/2] in sym_int4's order."""
    return pack_halves(unpack_pairs(blocks_of(codes, sym_int4.BLOCK // 2))).reshape(codes.shape)


CODEC = WoqInt4()
