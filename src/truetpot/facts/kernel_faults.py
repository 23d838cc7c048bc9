"""Thresholds of ``truetpot isa``; kernel_faults.toml says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from truetpot.facts.tables import convert, read


@dataclass(frozen=True)
class FaultLimits:
    """The limits beyond which machine code has a fault."""

    narrow_bytes: int
    """Of a load of the largest input."""
    overlap: float
    """Bytes asked for over bytes that differ."""
    products: float
    """32-bit integer products, for each weight."""
    conflicts: float
    """Clocks of local memory over those without a conflict."""
    least_us: float
    """Memory time from which on a kernel has to reach memory's rate."""
    least_bytes: int
    """The same in bytes, where the bandwidth is not known."""
    more_passes: float
    """Walks over the largest input, over rows of x."""
    sources: Mapping[str, str]


@cache
def fault_limits() -> FaultLimits:
    """The thresholds of ``kernel_faults.toml`` beyond which machine code has a fault."""
    return convert(dict(read("kernel_faults.toml")), FaultLimits, "kernel_faults.toml")
