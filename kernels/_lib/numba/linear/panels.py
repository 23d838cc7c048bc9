"""Weight panels: the layout in which the numba linears stream weights.

Sixteen output rows make a panel; lane r of every vector belongs to row r, so a panel needs no
horizontal sum and its bytes are read in one forward sweep. There is one layout a format, for every
number of rows of x and every way to multiply.

==============  ===================================================================  ===============
format          one step of a panel                                                  bytes a step
==============  ===================================================================  ===============
fp32 fp16 bf16  the 16 rows' weights of one k                                        16 x size
fp8_e5m2        likewise                                                             16
sym_int4        64 k: 16 fp16 scales, then 8 vectors of int32; nibble i of a lane's  32 + 512
woq_int4        low half is k = 8j + 2i of vector j, of its high half k = 8j + 2i+1
asym_int4       the same after 16 fp16 scales and 16 fp16 minima                     64 + 512
sym_int8        64 k: 16 fp32 scales, then 16 vectors of int32; byte i of a lane is  64 + 1024
                128 more than the code of k = 4j + i of vector j
==============  ===================================================================  ===============
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, prange

from truetpot.formats import Weight
from truetpot.formats.woq_int4 import halved
from truetpot.runtime import simd
from truetpot.runtime.memory import huge_empty
from truetpot.runtime.simd import LOADS

ROWS = simd.LANES
BLOCK = 64


@dataclass(frozen=True)
class Blocks:
    """How a format's weights are stored, BLOCK along K of one row at a time."""

    scale_bytes: int
    """Of a row's scale, and its minimum if it has one."""
    bits: int
    """Of a code: 4 or 8."""
    zero: int
    """The code, as it lies in the panel, that stands for 0 or for the minimum."""
    minimum: bool = False

    @property
    def vectors(self) -> int:
        """Vectors of codes of a panel."""
        return BLOCK * self.bits // 32

    @property
    def codes_at(self) -> int:
        """Where they begin, in bytes."""
        return ROWS * self.scale_bytes

    @property
    def step(self) -> int:
        """Bytes of one block of K of a panel: scales, minima and codes."""
        return self.codes_at + 4 * ROWS * self.vectors


BLOCKED = {
    "sym_int4": Blocks(2, 4, 8),
    "woq_int4": Blocks(2, 4, 8),
    "asym_int4": Blocks(4, 4, 0, minimum=True),
    "sym_int8": Blocks(4, 8, 128),
}
FORMATS = (*LOADS, *BLOCKED)


def panel_bytes(weight_format: str, k: int) -> int:
    """Bytes of one panel of ROWS rows and k columns, its scales among them."""
    blocks = BLOCKED.get(weight_format)
    return k * LOADS[weight_format][1] if blocks is None else k // BLOCK * blocks.step


def pack(weight: Weight, halves: int = 1) -> np.ndarray:
    """The weight as uint8 panels, the last one filled up with zero rows.

    With ``halves`` 2 the two halves of the rows (gate and up) alternate panel by panel.
    """
    n, k = weight.shape
    rows = n // halves
    panels = -(-rows // ROWS)
    size = panel_bytes(weight.format, k)
    out = huge_empty(panels * halves * size).reshape(panels, halves, size)
    codes = weight.codes if weight.format != "woq_int4" else halved(weight.codes)
    codes = codes.reshape(halves, rows, -1)
    blocks = BLOCKED.get(weight.format)
    for half in range(halves):
        panel = out[:, half]
        if blocks is None:
            plain = codes[half].view(_BITS[codes.itemsize]).reshape(rows, k, 1)
            _interleave(plain, _seen(panel, plain, ROWS * plain.itemsize, 0), plain.dtype.type(0))
            continue
        assert weight.scales is not None
        scales = weight.scales.reshape(halves, rows, k // BLOCK, -1)[half]
        scales = scales.view(_BITS[scales.itemsize])
        _interleave(scales, _seen(panel, scales, blocks.step, 0), scales.dtype.type(0))
        words = np.empty((0, 0, blocks.vectors), np.uint32)
        out_words = _seen(panel, words, blocks.step, blocks.codes_at)
        if blocks.bits == 8:
            signed = codes[half].view(np.uint32).reshape(rows, k // BLOCK, -1)
            _interleave(signed, out_words, np.uint32(0x80808080))
        else:
            _interleave_nibbles(codes[half].view(np.uint64), out_words)
    return out


_BITS: dict[int, Any] = {1: np.uint8, 2: np.uint16, 4: np.uint32}


def _seen(out: np.ndarray, like: np.ndarray, step: int, offset: int) -> np.ndarray:
    """uint8 panels [panels, bytes] as vectors of a type: [panels, steps, vectors, ROWS].

    The type and the vectors a step are those of ``like`` [rows, steps, vectors].
    """
    size = like.itemsize
    return np.lib.stride_tricks.as_strided(
        out[:, offset : offset + size].view(like.dtype),
        shape=(len(out), out.shape[1] // step, like.shape[2], ROWS),
        strides=(out.strides[0], step, ROWS * size, size),
    )


@njit(parallel=True, boundscheck=False)
def _interleave(values, out, flipped):  # type: ignore[no-untyped-def]
    """values [n, steps, vectors], zeros after row n; the bits of ``flipped`` the other way."""
    n, steps, vectors = values.shape
    for p in prange(out.shape[0]):
        for r in range(ROWS):
            row = p * ROWS + r
            for i in range(steps):
                for v in range(vectors):
                    out[p, i, v, r] = (values[row, i, v] if row < n else 0) ^ flipped


@njit(parallel=True, boundscheck=False)
def _interleave_nibbles(codes, out):  # type: ignore[no-untyped-def]
    """codes uint64 [n, 4 blocks] in sym_int4's order; out [panels, blocks, 8, ROWS]."""
    n, blocks = len(codes), out.shape[1]
    for p in prange(out.shape[0]):
        for b in range(blocks):
            for r in range(ROWS):
                row = p * ROWS + r
                for i in range(4):
                    eight = codes[row, 4 * b + i] if row < n else _NONE
                    # bytes 8i .. 8i + 7: low nibbles are elements 8i .., high ones 32 + 8i ..
                    out[p, b, i, r] = _gather(eight & _NIBBLES)
                    out[p, b, 4 + i, r] = _gather((eight >> _FOUR) & _NIBBLES)


_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
_EVEN = np.uint64(0x00FF00FF00FF00FF)
_NONE, _FOUR, _EIGHT, _TWELVE, _DOWN = (np.uint64(v) for v in (0, 4, 8, 12, 24))
_LOW, _NEXT = np.uint64(0xFF), np.uint64(0xFF00)


@njit(boundscheck=False)
def _gather(eight):  # type: ignore[no-untyped-def]
    """Eight nibbles, one a byte, as a lane: the even ones in the low half, the odd in the high."""
    even, odd = eight & _EVEN, (eight >> _EIGHT) & _EVEN
    even, odd = even | (even >> _TWELVE), odd | (odd >> _TWELVE)
    low = (even & _LOW) | ((even >> _DOWN) & _NEXT)
    high = (odd & _LOW) | ((odd >> _DOWN) & _NEXT)
    return np.uint32(low) | (np.uint32(high) << np.uint32(16))
