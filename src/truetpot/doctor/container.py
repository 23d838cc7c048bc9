"""What a container or a service manager leaves this process of the machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from truetpot.files import read_attribute
from truetpot.runtime.cgroup import read_memory_limit, read_quota

_SYS_PTRACE = 19
"""Its bit in CapEff: include/uapi/linux/capability.h."""
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_MARKS = {".dockerenv": "docker", "run/.containerenv": "podman"}
_GROUPS = {"kubepods": "kubernetes", "docker": "docker", "libpod": "podman", "lxc": "container"}
"""What stands in the names of their control groups."""


@dataclass(frozen=True)
class Container:
    """None: not told, or no limit. Sizes in bytes."""

    kind: str | None
    """``docker``, ``podman``, ``kubernetes``, ``container``; None outside of one."""
    allowed_cores: int | None
    """That this process may run on."""
    quota_cores: float | None
    """Processor time that it may have, in cores."""
    periods: int | None
    """Of the quota so far, and below it those in which it had to wait."""
    throttled: int | None
    memory_bytes: int | None
    """The limit."""
    shm_bytes: int | None
    """Of /dev/shm, which ranks of one host share."""
    takes_files: bool | None
    """May it take open files of another process of its user, as oneCCL's pidfd exchange does?"""
    by_path: bool
    """Is /dev/dri/by-path there, by which oneCCL's drmfd exchange finds a card?"""

    @property
    def effective_cores(self) -> float | None:
        """The least of what it may run on and what it may use."""
        known = [each for each in (self.allowed_cores, self.quota_cores) if each is not None]
        return min(known, default=None)


def find_container(root: Path, environment: Mapping[str, str]) -> Container:
    """Read below `root`; the environment tells Kubernetes."""
    status = read_attribute(root / "proc/self/status") or ""
    fields = dict(re.findall(r"^(\w+):\s*(\S+)", status, re.MULTILINE))
    quota, memory = read_quota(root), read_memory_limit(root)
    return Container(
        kind=_kind(root, environment),
        allowed_cores=_count(fields.get("Cpus_allowed_list", "")),
        quota_cores=None if quota is None else quota.cores,
        periods=None if quota is None else quota.periods,
        throttled=None if quota is None else quota.throttled,
        memory_bytes=None if memory is None else memory.most,
        shm_bytes=_shm(root),
        takes_files=_takes_files(fields),
        by_path=(root / "dev/dri/by-path").is_dir(),
    )


def _kind(root: Path, environment: Mapping[str, str]) -> str | None:
    if environment.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    marked = next((kind for mark, kind in _MARKS.items() if (root / mark).exists()), None)
    groups = read_attribute(root / "proc/self/cgroup") or ""
    return marked or next((kind for name, kind in _GROUPS.items() if name in groups), None)


def _count(cores: str) -> int | None:
    """Of a list such as ``0-3,8``."""
    spans = re.findall(r"(\d{1,6})(?:-(\d{1,6}))?", cores)
    return sum(max(0, int(last or first) - int(first) + 1) for first, last in spans) or None


def _shm(root: Path) -> int | None:
    mounts = read_attribute(root / "proc/self/mounts") or ""
    match = re.search(r"^\S+ /dev/shm \S+ \S*\bsize=(\d+)([kmg]?)", mounts, re.MULTILINE)
    return int(match[1]) * _UNITS[match[2]] if match else None


def _takes_files(fields: Mapping[str, str]) -> bool | None:
    """Docker's and podman's filter lets pidfd_getfd pass with CAP_SYS_PTRACE only."""
    try:
        capabilities, filtered = int(fields["CapEff"], 16), fields["Seccomp"] == "2"
    except (KeyError, ValueError):
        return None
    return not filtered or bool(capabilities >> _SYS_PTRACE & 1)
