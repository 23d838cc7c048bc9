"""A weight matrix in the canonical layout of its format, and what a format has to provide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Codes are uint8, float16, bfloat16 or float32 and scales float16: the dtype belongs to the format.
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Weight:
    """W [n, k] in a format. Row i of `codes` and of `scales` belongs to output i, along K.

    `codes` is [n, k] with one element a weight, or [n, k/2] uint8 with two. `scales` is
    [n, k/block] or None. The format's module says what the bits mean.
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

    def quantise(self, w: NDArray[np.float32]) -> tuple[Array, Array | None]:
        """(codes, scales) of `w`."""

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """The float64 [n, k] that codes and scales stand for, exactly."""

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array | None]:
        """Random valid codes and scales whose values have mean 0 and about this deviation."""
