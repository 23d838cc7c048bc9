"""A weight matrix in the canonical layout of its format, and what a format has to provide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

# The dtypes of codes and scales belong to the format.
Array = NDArray[Any]

Rounding = Literal["nearest", "vendor"]
"""To the nearest of the values that a block's scale offers, or as the vendor's own library does."""


@dataclass(frozen=True, eq=False)
class Weight:
    """W [n, k] in a format. Row i of `codes` and of `scales` belongs to output i, along K.

    `codes` is [n, k] with one element a weight, or uint8 with 4 or 6 bits a weight. `scales` is
    [n, k/block], or None; where a block has more than a scale, [n, k/block, 2] or a structured
    dtype. The format's module says what the bits mean.
    """

    format: str
    shape: tuple[int, int]
    codes: Array
    scales: Array | None

    @property
    def nbytes(self) -> int:
        """Bytes of codes and scales."""
        return self.codes.nbytes + (0 if self.scales is None else self.scales.nbytes)


class Codec(Protocol):
    """What a format's module offers. `w` is float32 [n, k], where k fits the format's block."""

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, Array | None]:
        """(codes, scales) of `w`, whatever it holds: numbers that do not fit show in the result."""

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """The float64 [n, k] that codes and scales stand for, exactly."""

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array | None]:
        """Random valid codes and scales whose values have mean 0 and about this deviation."""


@runtime_checkable
class Unscaled(Protocol):
    """What a codec says beside, where its format has no scales."""

    dtype: np.dtype[Any]
    """Of which each code is a number as it stands."""


def blocks_of(array: Array, size: int) -> Array:
    """[n, k] as [n, k/size, size], a view."""
    return array.reshape(len(array), -1, size)


def largest_of(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each block's element of largest magnitude [n, blocks, 1], the first of equals.

    NaN is left out, and 0 has no sign: as where the vendor's compare starts.
    """
    size = np.abs(blocks)
    size[np.isnan(size)] = 0
    found = np.take_along_axis(blocks, size.argmax(axis=2, keepdims=True), axis=2)
    found[~(np.abs(found) > 0)] = 0
    return found


def magnitudes(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Largest magnitude of each block [n, blocks, 1]; NaN left out, as the vendor's compares do."""
    return np.fmax.reduce(np.abs(blocks), axis=2, initial=0, keepdims=True)


def half_bits(w: NDArray[np.float32]) -> NDArray[np.uint16]:
    """`w` rounded to fp16, as its bits; a NaN becomes a quiet one, as in hardware."""
    bits = w.astype(np.float16).view(np.uint16)
    bits[np.isnan(w)] |= 0x7E00
    return bits
