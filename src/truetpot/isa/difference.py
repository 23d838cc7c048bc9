"""What changed from an older record to these results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.files import read_json, shortened_path
from truetpot.isa.inspection import Inspection

COMPARED = (
    "simd", "grf", "spill_bytes", "private_bytes", "slm_bytes", "barriers", "has_dpas",
    "weight_load_bytes", "weight_run_bytes", "streamed_bytes", "lane_ops_per_weight",
    "vector_clocks", "matrix_clocks", "issue_over_memory",
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


def read_old(path: Path) -> list[dict[str, Any]]:
    """The kernels of a record of ``truetpot isa --json``. Raises UserError for any other file."""
    record = read_json(path, "a record of truetpot isa --json")
    known = isinstance(record, dict) and record.get("kind") == "isa"
    kernels = record.get("kernels") if known else None
    if not isinstance(kernels, list) or not all(map(_is_kernel, kernels)):
        raise UserError(f"--diff {shortened_path(path)} is no record of truetpot isa --json.")
    return kernels


def compare(old: Iterable[Mapping[str, Any]], new: Iterable[Inspection]) -> list[Change]:
    """Kernels that differ; those without a counterpart too."""
    before = {_key(kernel): kernel for kernel in old}
    after = {_key(kernel.to_json()): kernel.to_json() for kernel in new}
    changes = []
    for key, kernel in after.items():
        if key not in before:
            changes.append(Change(key, "new", {}))
            continue
        pairs = {name: (before[key].get(name), kernel[name]) for name in COMPARED}
        fields = {name: pair for name, pair in pairs.items() if not _same(*pair)}
        if fields:
            changes.append(Change(key, "changed", fields))
    return changes + [Change(key, "gone", {}) for key in before if key not in after]


def _is_kernel(found: object) -> bool:
    return isinstance(found, dict) and found.keys() >= set(KEY)


def _key(kernel: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(kernel[name]) for name in KEY)


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        with suppress(OverflowError):  # a whole number that no float holds
            return bool(abs(new - old) <= _SAME * max(abs(old), abs(new)))
    return bool(old == new)
