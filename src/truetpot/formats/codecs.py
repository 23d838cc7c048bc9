"""Quantise, dequantise and make random weights by the name of a format."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from truetpot.errors import UserError
from truetpot.facts.formats import FormatFacts, all_formats, format_facts
from truetpot.facts.mixes import known_formats
from truetpot.formats import plain
from truetpot.formats.weight import Codec, Rounding, Unscaled, Weight


def _built_in() -> Iterator[tuple[str, Codec]]:
    """The ``CODEC`` of each file here that is named after a format of formats.toml."""
    yield from plain.CODECS.items()
    for name in all_formats():
        module = f"{__package__}.{name}"
        if find_spec(module) is not None:
            yield name, import_module(module).CODEC


_CODECS = dict(_built_in())

FORMATS = _CODECS.keys()
"""Formats that can be quantised, dequantised and multiplied (facts knows sizes of more)."""


def declare(facts: FormatFacts, codec: Codec) -> None:
    """Make a format known that is not part of the package, such as one beside a user's kernels.

    ``facts`` say what a weight costs to store, with a source. Raises UserError for a name that is
    another format's, and where the codec's arrays do not have the bytes that ``facts`` say.
    """
    known = all_formats().get(facts.name)
    if known not in (None, facts):
        raise UserError(f"There is a format {facts.name} already; give this one another name.")
    k = facts.block * 8
    codes, scales = codec.random((2, k), np.random.default_rng(0), k**-0.5)
    found = codes.nbytes + (0 if scales is None else scales.nbytes)
    said = 2 * (k * facts.code_bits // 8 + k // facts.block * facts.scale_bytes)
    if found != said:
        raise UserError(
            f"The codec of {facts.name} makes {found} bytes of 2 x {k} weights, and code_bits, "
            f"block and scale_bytes say {said}; make them agree."
        )
    all_formats()[facts.name] = facts
    _CODECS[facts.name] = codec


def quantise(w: NDArray[Any], format: str, rounding: Rounding = "nearest") -> Weight:
    """`w` [N, K], of any float dtype, in `format`.

    Each weight becomes the nearest of the values that the scale of its block offers; the scales are
    the vendor's. ``rounding="vendor"`` does as the vendor's library where that rounds otherwise:
    fp8_e5m2, fp8_e4m3, fp6 and fp4.
    Values are taken to float32 first (exact for bf16 and fp16), as the vendor's quantisers do, so
    a float64 is rounded twice. Raises UserError for a shape or format that does not fit, and for
    values that are not finite in the format: a weight that is not a number is a broken file.
    """
    narrow = _float32(w)
    weight = quantise_any(narrow, format, rounding)
    _check_finite(narrow, weight)
    return weight


def quantise_any(w: NDArray[Any], format: str, rounding: Rounding = "nearest") -> Weight:
    """As :func:`quantise`, but what is not finite becomes whatever the format makes of it."""
    codec = _codec(format)
    if w.ndim != 2:
        raise UserError(f"a weight has two dimensions, this one has shape {w.shape}.")
    shape = (int(w.shape[0]), int(w.shape[1]))
    _check_shape(shape, format)
    codes, scales = codec.quantise(_float32(w), rounding)
    return Weight(format, shape, codes, scales)


def dequantise(weight: Weight) -> NDArray[np.float64]:
    """The float64 [N, K] that the weight stands for: the reference of every kernel."""
    return _codec(weight.format).dequantise(weight.codes, weight.scales)


def random_weight(
    shape: tuple[int, int], format: str, rng: np.random.Generator, std: float | None = None
) -> Weight:
    """Random codes and scales [N, K], made without a float matrix, about a GB/s.

    The values have mean 0 and deviation about `std`, by default 1/sqrt(K): an activation of unit
    variance then stays one. Never all zero or repetitive: a card may compress what it can, and a
    benchmark of compressed memory measures nothing. The same generator state gives the same weight.
    """
    codec = _codec(format)
    _check_shape(shape, format)
    std = shape[1] ** -0.5 if std is None else std
    # At 2^-12 and below the smaller quantiles of fp8_e5m2 vanish, and fp16 scales lose digits.
    if not 2.0**-12 < std < 2.0**10:
        raise UserError(f"std = {std:g} is out of the range of the formats; give 0.0003 to 1000.")
    return Weight(format, shape, *codec.random(shape, rng, std))


def _float32(w: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(w, dtype=np.float32)


def _codec(format: str) -> Codec:
    if format in _CODECS:
        return _CODECS[format]
    known = "has its sizes in the tables but no" if format in known_formats() else "is not a"
    raise UserError(f"{format!r} {known} format to compute in; those are {', '.join(FORMATS)}.")


def _check_shape(shape: tuple[int, int], format: str) -> None:
    if min(shape) < 1:
        raise UserError(f"a weight of shape {shape} is empty.")
    if shape[1] % (multiple := format_facts(format).k_multiple):
        raise UserError(
            f"{format} has blocks of {multiple} along K, and K = {shape[1]} is no multiple of "
            "that; choose a format without blocks."
        )


def _check_finite(w: NDArray[np.float32], weight: Weight) -> None:
    # Formats with scales show it in these, the others in their codes, which are numbers. A NaN that
    # a vendor's rule for the scale passes over shows in `w` alone.
    format, scales = weight.format, weight.scales
    if scales is not None:
        parts = (scales["d"], scales["dmin"]) if scales.dtype.names else (scales,)
        finite = all(bool(np.isfinite(part).all()) for part in (*parts, w))
    else:
        codec = _codec(format)
        if not isinstance(codec, Unscaled):
            raise TypeError(f"{format} has no scales, and its codec no dtype that its codes are of")
        finite = bool(np.isfinite(weight.codes.view(codec.dtype)).all())
    if not finite:
        size = float(np.nanmax(np.abs(w))) if not np.isnan(w).all() else float("nan")
        raise UserError(
            f"the weight does not fit {format}: it holds a NaN, or values as large as {size:g}; "
            "check the file, or choose bf16."
        )
