"""sym_int8 as ipex-llm defines it: blocks of 64 along K, an fp32 scale each, 8.5 bits a weight.

A block's scale is d = (largest magnitude) / 127; codes are -127 to 127, w' = code * d. Ties go
away from zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from truetpot.formats.entropy import fill_from_table, random_scales
from truetpot.formats.weight import Array, Rounding, blocks_of

BLOCK = 64

_CODES = np.concatenate([np.arange(-127, 0), np.arange(1, 128), [-64, 64]]).astype(np.int8)
"""256 codes of mean 0, none of them zero."""
_CODE_RMS = float(np.sqrt(np.mean(np.square(_CODES.astype(np.float64)))))


class SymInt8:
    """Codes are int8 [n, k], scales float32 [n, k/64]."""

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, Array]:
        """Nearest either way. Codes come from 1/d in float32, as the vendor's do.

        Blocks of zeros, and those so small that 1/d is not finite, get zeros as codes.
        """
        blocks = blocks_of(w, BLOCK)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            scale = _magnitudes(blocks) / np.float32(127)
            steps = blocks * (np.float32(1) / scale)
            codes = np.trunc(steps)
            codes += np.trunc(2 * (steps - codes))
        codes[~(np.abs(codes) < 2**31)] = 0
        # By way of int32, from which the vendor keeps the lower byte: it differs beside a NaN only.
        return codes.astype(np.int32).astype(np.int8).reshape(w.shape), scale[..., 0]

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """code * d in float64."""
        assert scales is not None
        values = blocks_of(codes, BLOCK) * scales.astype(np.float64)[..., None]
        return values.reshape(codes.shape)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array]:
        """Uniform codes, never zero, and scales that differ."""
        codes = np.empty(shape, np.int8)
        fill_from_table(codes.view(np.uint8), _CODES.view(np.uint8), rng)
        return codes, random_scales((shape[0], shape[1] // BLOCK), rng, std / _CODE_RMS)


def _magnitudes(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Largest magnitude of each block [n, blocks, 1].

    The vendor's ``max = max > x ? max : x`` forgets at every NaN what came before it.
    """
    sizes = np.abs(blocks)
    nan = np.isnan(sizes)
    if nan.any():
        forgotten = np.logical_or.accumulate(nan[..., ::-1], axis=2)[..., ::-1]
        forgotten[..., -1] = False
        sizes[forgotten] = 0
    return sizes.max(axis=2, keepdims=True)


CODEC = SymInt8()
