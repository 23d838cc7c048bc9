"""nf4 as ipex-llm defines it: blocks of 64 along K, an fp16 scale each, 4.25 bits a weight.

A block's scale is its largest magnitude, w' = scale * VALUES[code]: the sixteen quantiles of a
normal distribution of QLoRA (Dettmers et al. 2023, arXiv 2305.14314, appendix E). Nibbles are in
the other order than sym_int4's: byte j of a block's 32 holds element j in its high nibble and
element j + 32 in its low one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from truetpot.formats.entropy import random_bytes, signed_scales
from truetpot.formats.nibbles import pack_halves, swap, unpack_halves
from truetpot.formats.weight import Array, Rounding, blocks_of, magnitudes

BLOCK = 64

VALUES = np.array(
    [
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
        -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
        0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
        0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
    ]
)  # fmt: skip
"""What a code stands for, over the scale; each is a float32."""
_BETWEEN = np.array(
    [
        -0.8480964303, -0.6106328964, -0.4599952698, -0.33967942, -0.2346073985, -0.137911737,
        -0.0455250181, 0.0397901498, 0.1202552542, 0.2035212517, 0.2920137644, 0.3893125355,
        0.5016633868, 0.6427869201, 0.8614783883,
    ],
    np.float32,
)  # fmt: skip
"""Halfway between them; some halves are no float32, and the vendor has one of its neighbours."""
_RMS = float(np.sqrt(np.mean(VALUES**2)))


class Nf4:
    """Codes are uint8 [n, k/2], scales float16 [n, k/64]."""

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, Array]:
        """Nearest either way; a block of zeros gets codes and scale 0."""
        blocks = blocks_of(w, BLOCK)
        scale = magnitudes(blocks)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            shares = blocks / scale
            stored = scale[..., 0].astype(np.float16)
        codes = np.searchsorted(_BETWEEN, shares).astype(np.uint8)
        codes[np.isnan(shares)] = 0
        return swap(pack_halves(codes)).reshape(len(w), -1), stored

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """The table's value times the scale in float64."""
        assert scales is not None
        values = VALUES[unpack_halves(swap(blocks_of(codes, BLOCK // 2)))]
        values *= scales.astype(np.float64)[..., None]
        return values.reshape(len(codes), -1)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array]:
        """Uniform codes, and scales that differ; of either sign, as the table's mean is not 0."""
        n, k = shape
        codes = random_bytes((n, k // 2), rng)
        return codes, signed_scales((n, k // BLOCK), rng, std / _RMS)


CODEC = Nf4()
