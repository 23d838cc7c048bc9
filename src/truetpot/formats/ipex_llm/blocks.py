"""The vendor's CPU blocks, from canonical weights and from plain numbers.

For what ``ggml_quantize_tensor`` of ipex-llm 2.2.0 writes; for q4_k, which goes through
``ggml_quantize_tensor_with_weights``, its builds for AVX2 and AVX-512.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from truetpot.errors import UserError
from truetpot.formats.codecs import quantise_any
from truetpot.formats.ipex_llm.layout import join, layout_of, split
from truetpot.formats.q4_k import SCALES
from truetpot.formats.weight import Array, Weight
from truetpot.formats.woq_int4 import halved, paired

_SCALES: dict[str, Any] = {"sym_int8": np.float32, "fp8_e4m3": np.float32, "q4_k": SCALES}
"""Their dtype; float16 otherwise."""


def ipex_llm_blocks(weights: NDArray[np.float32], format: str) -> bytes:
    """`weights` [N, K] as ipex-llm's own library quantises them on the CPU, byte for byte.

    NaN, infinities and what is too large come out as they do there, without a word. Raises
    UserError for a format without blocks, and for a K that is no whole number of them.
    """
    layout_of(format)
    return to_blocks(quantise_any(weights, format, "vendor"))


def to_blocks(weight: Weight) -> bytes:
    """The canonical weight in the vendor's CPU blocks: nothing is rounded."""
    return join(fields_of(weight), weight.format)


def from_blocks(data: bytes, format: str, shape: tuple[int, int]) -> Weight:
    """The inverse of :func:`to_blocks`. Raises UserError if the bytes are not those of `shape`."""
    return weight_of(split(data, format), format, shape)


def fields_of(weight: Weight) -> dict[str, Array]:
    """The fields of the vendor's CPU blocks: uint8 [blocks, bytes] each."""
    layout = layout_of(weight.format)
    count = weight.shape[0] * weight.shape[1] // layout.size
    codes = halved(weight.codes) if weight.format == "woq_int4" else weight.codes
    codes = codes.reshape(count, -1).view(np.uint8)
    if weight.format == "fp6":
        low, high = codes[:, :32], codes[:, 32:]
        return {"low": low, "high": high, "scales": _bytes(weight.scales, count)}
    if weight.format == "q4_k":
        scales = _bytes(weight.scales, count)
        return {"d": scales[:, :4], "sub": scales[:, 4:], "codes": codes}
    scales = np.ones(count, np.float32) if weight.scales is None else weight.scales
    return {"scales": _bytes(scales, count), "codes": codes}


def weight_of(fields: dict[str, Array], format: str, shape: tuple[int, int]) -> Weight:
    """The weight of the fields that :func:`fields_of` gives."""
    n, k = shape
    size = layout_of(format).size
    count = len(next(iter(fields.values())))
    if k % size or n * k != count * size:
        raise UserError(f"{count} blocks of {size} are not a weight of shape {shape}.")
    names = {"fp6": ("low", "high")}.get(format, ("codes",))
    codes = np.concatenate([fields[name] for name in names], axis=1).reshape(n, -1)
    if format == "fp8_e5m2":
        return Weight(format, shape, codes, None)
    if format == "woq_int4":
        codes = paired(codes)
    names = {"q4_k": ("d", "sub")}.get(format, ("scales",))
    scales = np.concatenate([fields[name] for name in names], axis=1)
    scales = scales.view(_SCALES.get(format, np.float16)).reshape(n, k // size, -1)
    if format != "asym_int4":
        scales = scales[..., 0]
    return Weight(format, shape, codes.view(np.int8) if format == "sym_int8" else codes, scales)


def _bytes(scales: Array | None, count: int) -> Array:
    assert scales is not None
    return np.ascontiguousarray(scales).view(np.uint8).reshape(count, -1)
