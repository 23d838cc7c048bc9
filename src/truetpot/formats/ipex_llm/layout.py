"""What a block consists of, in the order of the vendor's CPU blocks and of its XPU layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from truetpot.errors import UserError
from truetpot.formats.weight import Array


@dataclass(frozen=True)
class Layout:
    """A block of `size` weights: its fields by name and bytes, in either order.

    On the CPU the fields of a block stand together, block after block along K and row after row.
    On XPU all blocks' first fields come first, then all their second ones.
    """

    size: int
    cpu: dict[str, int]
    xpu: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Of a block, the same in either layout."""
        return sum(self.cpu.values())


_INT4 = Layout(64, {"scales": 2, "codes": 32}, ("codes", "scales"))
_BYTES = Layout(64, {"scales": 4, "codes": 64}, ("codes", "scales"))

LAYOUTS = {
    "sym_int4": _INT4,
    "woq_int4": _INT4,
    "nf4": _INT4,
    "fp4": _INT4,
    "asym_int4": Layout(64, {"scales": 4, "codes": 32}, ("codes", "scales")),
    "sym_int8": _BYTES,
    "fp8_e4m3": _BYTES,
    "fp8_e5m2": _BYTES,
    "fp6": Layout(64, {"low": 32, "high": 16, "scales": 2}, ("low", "high", "scales")),
    "q4_k": Layout(256, {"d": 4, "sub": 16, "codes": 128}, ("codes", "sub", "d")),
}


def layout_of(format: str) -> Layout:
    """Raises UserError for a format that has none."""
    if format not in LAYOUTS:
        raise UserError(f"ipex-llm has no blocks of {format!r}; it has {', '.join(LAYOUTS)}.")
    return LAYOUTS[format]


def split(blocks: bytes, format: str) -> dict[str, Array]:
    """The fields of CPU blocks, uint8 [blocks, bytes] each."""
    whole = flat(blocks, format).reshape(-1, layout_of(format).bytes)
    widths = layout_of(format).cpu
    parts = np.split(whole, np.cumsum(list(widths.values()))[:-1], axis=1)
    return dict(zip(widths, parts, strict=True))


def join(fields: dict[str, Array], format: str) -> bytes:
    """The blocks of the fields that :func:`split` gives."""
    return np.concatenate([fields[name] for name in layout_of(format).cpu], axis=1).tobytes()


def flat(data: bytes, format: str) -> Array:
    """The bytes as uint8. Raises UserError if they are no whole blocks."""
    if len(data) % (size := layout_of(format).bytes):
        raise UserError(f"{len(data)} bytes are no whole number of {format} blocks of {size}.")
    return np.frombuffer(data, np.uint8)
