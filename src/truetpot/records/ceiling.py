"""The ceilings of a device, as kernels are held against them: reading, and multiplying."""

from __future__ import annotations

from truetpot.records.numbers import Config, Rate
from truetpot.records.opening import Part


class GemmRow(Part, frozen=True, kw_only=True):
    """The best rate of operations that was found, a multiply-add counted as two."""

    name: str
    """Of the matrix product, with its shape and dtype."""
    tflops: Rate
    """1e12 operations a second."""
    swept_tflops: dict[str, Rate]
    """Of every product that was timed."""


class CeilingRow(Part, frozen=True, kw_only=True):
    """The best read bandwidth that was found, and all that were looked at."""

    provider: str
    config: Config
    """Its launch parameters."""
    gb_s: Rate
    swept_gb_s: dict[str, Rate]
    """Of every read kernel, by provider and launch parameters."""
    gemm: GemmRow | None = None
    """The ceiling of operations; null where none was measured: bytes alone bound."""
