"""Through how many copies of its inputs a case goes, so that nothing is read from a cache."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.ops import Case, Operator
from truetpot.records.words import Cache
from truetpot.runtime.device import Device
from truetpot.runtime.distributed import agreed

ROTATED_BYTES = 1 << 30
"""Weights and KV rotate through at least this much, or four times the cache if that is more."""
MOST_COPIES = 1024
"""A case so small that as many do not fill the cache four times over is timed ``hot``."""
FEW_COPIES = 8
"""Of inputs without weights or KV: in a decode step they come out of a cache too."""


def copies_needed(op: Operator, case: Case, device: Device) -> tuple[Cache, int]:
    """How the case is kept out of the cache, and through how many copies it rotates."""
    size = op.resident_reads(case)
    if size == 0:
        return Cache.HOT, FEW_COPIES
    cold = 4 * agreed.cache_bytes(device)
    if MOST_COPIES * size < cold:
        return Cache.HOT, FEW_COPIES
    return Cache.ROTATED, int(min(MOST_COPIES, max(2, -(-max(ROTATED_BYTES, cold) // size))))


@dataclass(frozen=True)
class Rotation:
    """Through how many copies of its inputs a case goes, and where they then come from."""

    cache: Cache
    copies: int
    reason: str = ""
    """Why it cannot be timed: too few copies fit in memory. Empty when it can."""


def plan_rotation(op: Operator, case: Case, device: Device, rotate: bool = True) -> Rotation:
    """As many copies as are needed, or as half of the free memory holds; few if not ``rotate``.

    Several ranks take as many each, all ask for it together.
    """
    cache, wanted = copies_needed(op, case, device) if rotate else (Cache.HOT, FEW_COPIES)
    size = max(1, op.bytes(case))
    free, last_level = agreed.free_bytes(device), agreed.cache_bytes(device)
    fitting = wanted if free is None else max(1, int(0.5 * free // size))
    copies = min(wanted, fitting)
    if cache is Cache.HOT or copies == wanted or copies * size >= 4 * last_level:
        return Rotation(cache, copies)
    return Rotation(
        cache,
        copies,
        f"{copies} copies fit in memory where {wanted} are needed to stay out of the cache; use a "
        "smaller case",
    )
