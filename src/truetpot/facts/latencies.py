"""What a thread of a GPU waits for, and how many there are; latencies.toml says what is what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from truetpot.facts.tables import convert, read


@dataclass(frozen=True)
class Latencies:
    """One target's entry of ``latencies.toml``: how long it waits for memory."""

    target: str
    threads: int
    memory_ns: float
    cached_clocks: int
    local_clocks: int
    barrier_clocks: int
    float_clocks: int
    math_clocks: int
    accumulator_clocks: int
    dpas_clocks: int
    branch_clocks: int
    core_local_kib: int
    local_sizes_kib: tuple[int, ...]
    local_bytes: int
    bank_bytes: int
    banks: int
    sources: Mapping[str, str]

    def local_size(self, nbytes: int) -> int:
        """Bytes of a core's local memory that a work-group with `nbytes` takes."""
        if not nbytes:
            return 0
        sizes = (size << 10 for size in self.local_sizes_kib)
        return next((size for size in sizes if size >= nbytes), nbytes)


@cache
def all_latencies() -> dict[str, Latencies]:
    """Latencies of every target, by ocloc's name of it."""
    return {
        target: convert({"target": target, **entry}, Latencies, f"latencies.toml [{target}]")
        for target, entry in read("latencies.toml").items()
    }
