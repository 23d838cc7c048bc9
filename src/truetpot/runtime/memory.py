"""Host memory: how much is free, and buffers on huge pages."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
from pathlib import Path

import numpy as np
import psutil

_HUGE_PAGE = 2 << 20


def huge_empty(nbytes: int) -> np.ndarray:
    """Uninitialised uint8 [nbytes] on a 2 MiB boundary, on huge pages where Linux offers them.

    Streaming gigabytes through 4 KiB pages costs a TLB miss every 64 cache lines. The pages are
    touched on first write, so an allocation of this size is no promise that it fits.
    """
    # private: a shared mapping, Python's default, gets no huge pages
    mapping = mmap.mmap(-1, nbytes + 2 * _HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        mapping.madvise(mmap.MADV_HUGEPAGE)
    raw = np.frombuffer(mapping, dtype=np.uint8)
    start = -raw.ctypes.data % _HUGE_PAGE
    return raw[start : start + nbytes]


def free_bytes() -> int:
    """Memory a new allocation could have: what the system has left, within the limits here."""
    try:
        available = int(psutil.virtual_memory().available)
    except OSError:  # no /proc: what nothing uses, a buffer that could be dropped counts as used
        available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = (_cgroup_left(), _addresses_left())
    return min([available, *(limit for limit in limits if limit is not None)])


def peak_rss_bytes() -> int:
    """Largest resident set of this process so far."""
    import resource

    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        status = ""
    # getrusage counts what the parent held when it started this process
    if found := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE):
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def trim() -> None:
    """Give freed memory back to the system, where the C library can.

    Arrays of up to 32 MiB lie on glibc's heap between others that live on. What was freed there
    stays resident: now and then as much again as a rank's whole share of a model.
    """
    if trim_heap := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim_heap(0)


def _addresses_left() -> int | None:
    """Bytes left under ``ulimit -v``; None without it, or where nobody tells what is used."""
    try:
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most == resource.RLIM_INFINITY:
            return None
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError, ValueError):
        return None
    return max(0, most - pages * os.sysconf("SC_PAGE_SIZE"))


def _cgroup_left() -> int | None:
    """Bytes left under the cgroup v2 or v1 memory limit; None without one."""
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ):
        try:
            most, now = Path(limit).read_text().strip(), Path(used).read_text().strip()
        except OSError:
            continue
        if most.isdigit() and int(most) < 1 << 60:
            return max(0, int(most) - int(now))
    return None
