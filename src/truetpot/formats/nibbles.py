"""Two 4-bit codes a byte: blocks of [..., 2h] codes and the [..., h] bytes that hold them."""

from __future__ import annotations

import numpy as np

from truetpot.formats.weight import Array


def pack_halves(codes: Array) -> Array:
    """Byte j holds code j in its low nibble and code j + h in its high one, as ggml's blocks do."""
    half = codes.shape[-1] // 2
    return codes[..., :half] | (codes[..., half:] << 4)


def unpack_halves(packed: Array) -> Array:
    """The codes that :func:`pack_halves` was given, one a byte."""
    return np.concatenate([packed & 15, packed >> 4], axis=-1)


def swap(packed: Array) -> Array:
    """The two nibbles of every byte the other way round."""
    return (packed << 4) | (packed >> 4)


def pack_pairs(codes: Array) -> Array:
    """Byte j holds code 2j in its low nibble and code 2j + 1 in its high one: plain 4-bit order."""
    return codes[..., 0::2] | (codes[..., 1::2] << 4)


def unpack_pairs(packed: Array) -> Array:
    """The codes that :func:`pack_pairs` was given, one a byte."""
    return np.stack([packed & 15, packed >> 4], axis=-1).reshape(*packed.shape[:-1], -1)
