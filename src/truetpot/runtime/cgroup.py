"""Limits that a container or a service manager sets on this process: processor time and memory.

cgroup v2 and v1, by the kernel's Documentation/admin-guide/cgroup-v2.rst, Documentation/scheduler/
sched-bwc.rst and Documentation/admin-guide/cgroup-v1/memory.rst. A limit of any group above counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from truetpot.files import read_attribute
from truetpot.runtime.sysfs import number

_GROUPS = "sys/fs/cgroup"
_UNLIMITED = 1 << 60
"""v1 writes the largest multiple of a page where there is no limit."""


@dataclass(frozen=True)
class Quota:
    """Processor time per period: ``cores`` of it, whichever cores they are."""

    cores: float
    periods: int | None
    """Since the group was made, and below it those in which the group had to wait."""
    throttled: int | None


@dataclass(frozen=True)
class MemoryLimit:
    """Bytes: what the group may hold, and how much of that is left."""

    most: int
    left: int


def read_quota(root: Path = Path("/")) -> Quota | None:
    """The tightest processor quota; None without one."""
    quotas = [quota for folder in _folders(root, "cpu") if (quota := _quota(folder))]
    return min(quotas, key=lambda quota: quota.cores, default=None)


def read_memory_limit(root: Path = Path("/")) -> MemoryLimit | None:
    """The memory limit with the least left; None without one."""
    limits = [limit for folder in _folders(root, "memory") if (limit := _memory(folder))]
    return min(limits, key=lambda limit: limit.left, default=None)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """This process's group and those above it, v2's and v1's, as far as they are visible."""
    for line in (read_attribute(root / "proc/self/cgroup") or "0::/").splitlines():
        names, _, path = line.partition(":")[2].partition(":")
        if names and controller not in names.split(","):
            continue
        mounts = [names, controller] if names else ["", "unified"]
        # in a container the path may be the host's, and only its own group be there, at the top
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for mount in mounts:
            base = root / _GROUPS / mount
            yield from (base.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1))


def _quota(folder: Path) -> Quota | None:
    words = (read_attribute(folder / "cpu.max") or "").split()
    if len(words) != 2:
        words = [
            read_attribute(folder / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")
        ]
    try:
        most, period = (int(word) for word in words)  # v2's "max" is no number, v1's is -1
    except ValueError:
        return None
    if most <= 0 or period <= 0:
        return None
    counts = dict(re.findall(r"(\w+) (\d+)", read_attribute(folder / "cpu.stat") or ""))
    periods, throttled = (
        int(counts[name]) if name in counts else None for name in ("nr_periods", "nr_throttled")
    )
    return Quota(most / period, periods, throttled)


def _memory(folder: Path) -> MemoryLimit | None:
    for most, used in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        limit, now = number(folder / most), number(folder / used)
        if limit is not None and now is not None and 0 < limit < _UNLIMITED:
            return MemoryLimit(limit, max(0, limit - now))
    return None
