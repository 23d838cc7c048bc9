"""The read ceiling of a device, as kernels are held against it."""

from __future__ import annotations

from truetpot.records.numbers import Config, Rate
from truetpot.records.opening import Part


class CeilingRow(Part, frozen=True, kw_only=True):
    """The best read bandwidth that was found, and all that were looked at."""

    provider: str
    config: Config
    """Its launch parameters."""
    gb_s: Rate
    swept_gb_s: dict[str, Rate]
    """Of every read kernel, by provider and launch parameters."""
