"""What changed from an older record to these results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truetpot.records.isa import Inspection, IsaRecord
from truetpot.records.store import read_record

COMPARED = (
    "simd", "grf", "spill_bytes", "private_bytes", "slm_bytes", "barriers", "has_dpas",
    "weight_load_bytes", "weight_run_bytes", "streamed_bytes", "lane_ops_per_weight",
    "vector_clocks", "matrix_clocks", "alone_clocks", "local_clocks", "scratch_messages", "turns",
    "passes", "threads", "in_flight_bytes", "bank_conflicts", "products_per_weight",
    "issue_over_memory", "latency_over_memory", "local_over_memory", "verdict", "faults",
)  # fmt: skip
KEY = ("target", "op", "provider", "name", "variant", "case")
"""What names a kernel."""
_SAME = 0.0005
"""Relative change of a number that is no change."""


@dataclass(frozen=True)
class Change:
    """One kernel: fields with their old and new values. `what` is changed, new or gone."""

    key: tuple[str, ...]
    what: str
    fields: Mapping[str, tuple[Any, Any]]


def read_old(path: Path) -> list[Inspection]:
    """The kernels of a record of ``truetpot isa --json``. Raises UserError for any other file."""
    return read_record(path, IsaRecord, "a record of truetpot isa --json for --diff").kernels


def compare(old: Iterable[Inspection], new: Iterable[Inspection]) -> list[Change]:
    """Kernels that differ; those without a counterpart too."""
    lists = [*old], [*new]
    counted = Counter(key for kernels in lists for key in map(_key, kernels))
    # where a kernel was compiled more than once, its configurations tell which is which
    several = {key for key, count in counted.items() if count > len(lists)}
    before, after = ({_named(one, several): one for one in some} for some in lists)
    changes = []
    for key, kernel in after.items():
        if key not in before:
            changes.append(Change(key, "new", {}))
            continue
        pairs = {name: (getattr(before[key], name), getattr(kernel, name)) for name in COMPARED}
        fields = {name: pair for name, pair in pairs.items() if not _same(*pair)}
        if fields:
            changes.append(Change(key, "changed", fields))
    return changes + [Change(key, "gone", {}) for key in before if key not in after]


def _key(kernel: Inspection) -> tuple[str, ...]:
    return (
        kernel.target, kernel.op, kernel.provider, kernel.name, kernel.variant, kernel.case
    )  # fmt: skip


def _named(kernel: Inspection, several: set[tuple[str, ...]]) -> tuple[str, ...]:
    key = _key(kernel)
    if key not in several:
        return key
    config = " ".join(f"{name}={value}" for name, value in kernel.config.items())
    return (*key[:4], f"{key[4]} {config}", key[5])


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        with suppress(OverflowError):  # a whole number that no float holds
            return bool(abs(new - old) <= _SAME * max(abs(old), abs(new)))
    return bool(old == new)
