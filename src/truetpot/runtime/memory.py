"""Host memory: how much is free, and buffers on huge pages."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

from truetpot.files import read_attribute
from truetpot.runtime.ask import ask
from truetpot.runtime.cgroup import read_memory_limit

_HUGE_PAGE = 2 << 20


def huge_empty(nbytes: int) -> np.ndarray:
    """Uninitialised uint8 [nbytes] on a 2 MiB boundary, on huge pages where Linux offers them.

    Streaming gigabytes through 4 KiB pages costs a TLB miss every 64 cache lines. The pages are
    touched on first write, so an allocation of this size is no promise that it fits.
    """
    # private: a shared mapping, Python's default, gets no huge pages
    mapping = mmap.mmap(-1, nbytes + 2 * _HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them refuses the advice
            mapping.madvise(mmap.MADV_HUGEPAGE)
    raw = np.frombuffer(mapping, dtype=np.uint8)
    start = -raw.ctypes.data % _HUGE_PAGE
    return raw[start : start + nbytes]


def free_bytes() -> int | None:
    """Memory a new allocation could have: what the system has left, within this process's limits.

    None where nothing of that is told.
    """
    available = ask(lambda: int(psutil.virtual_memory().available))
    if available is None:  # /proc is hidden: pages that nothing uses, without those of files
        available = ask(lambda: os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    group = read_memory_limit()
    limits = (available, group.left if group else None, _addresses_left())
    return min((known for known in limits if known is not None), default=None)


def peak_rss_bytes() -> int:
    """Largest resident set of this process so far."""
    status = read_attribute(Path("/proc/self/status")) or ""
    # getrusage counts what the parent held when it started this process
    if found := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE):
        return int(found[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


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
        pages = int((read_attribute("/proc/self/statm") or "").partition(" ")[0])
    except (ImportError, OSError, ValueError):
        return None
    return max(0, most - pages * os.sysconf("SC_PAGE_SIZE"))
