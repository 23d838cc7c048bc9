"""The vendor's XPU layout: all codes of the tensor, then all scales.

What ``ggml_q_format_convet_cpu2xpu`` and its inverse of ipex-llm 2.2.0 do: the bytes move and stay
as they are, but for woq_int4, whose nibbles change places. That has no inverse in the library (its
``xpu2cpu`` leaves the nibbles as on XPU); here it has.
"""

from __future__ import annotations

import numpy as np

from truetpot.formats.ipex_llm.blocks import fields_of, weight_of
from truetpot.formats.ipex_llm.layout import flat, join, layout_of, split
from truetpot.formats.weight import Array, Weight
from truetpot.formats.woq_int4 import halved, paired


def to_xpu(weight: Weight) -> bytes:
    """The canonical weight as ipex-llm's kernels for XPU take it: nothing is rounded."""
    return _in_order(fields_of(weight), weight.format)


def from_xpu(data: bytes, format: str, shape: tuple[int, int]) -> Weight:
    """The inverse of :func:`to_xpu`. Raises UserError if the bytes are not those of `shape`."""
    return weight_of(_fields(data, format), format, shape)


def cpu_to_xpu(blocks: bytes, format: str) -> bytes:
    """CPU blocks in the XPU layout."""
    return _in_order(split(blocks, format), format)


def xpu_to_cpu(data: bytes, format: str) -> bytes:
    """The blocks that :func:`cpu_to_xpu` was given."""
    return join(_fields(data, format), format)


def _in_order(fields: dict[str, Array], format: str) -> bytes:
    if format == "woq_int4":
        fields = fields | {"codes": paired(fields["codes"])}
    return b"".join(fields[name].tobytes() for name in layout_of(format).xpu)


def _fields(data: bytes, format: str) -> dict[str, Array]:
    layout = layout_of(format)
    whole = flat(data, format)
    count = len(whole) // layout.bytes
    ends = np.cumsum([count * layout.cpu[name] for name in layout.xpu])[:-1]
    parts = (part.reshape(count, -1) for part in np.split(whole, ends))
    fields = dict(zip(layout.xpu, parts, strict=True))
    if format == "woq_int4":
        fields["codes"] = halved(fields["codes"])
    return fields
