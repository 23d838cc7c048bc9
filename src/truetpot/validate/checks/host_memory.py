"""Patterns in the host's own memory, on all cores, and the error counters of its controllers.

A card is fed from this memory, and a module without ECC that flips bits looks like anything but
itself: github.com/steveseguin/b70-optimization-lab, docs/host-stability-and-fault-diagnosis.md
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from truetpot.runtime.choose import choose_device
from truetpot.runtime.memory import huge_empty
from truetpot.runtime.sysfs import numbers
from truetpot.validate.bad_words import WORD
from truetpot.validate.checks.patterns import SMALL_BYTES, run
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting, errors
from truetpot.validate.memory import Memory

SHARE = 0.83
LEAST_SHARE = 0.80
"""A test of 64 GiB passed where one of 104 found 226,271 bad words (see above)."""
EDAC = Path("/sys/devices/system/edac/mc")
COUNTERS = {"corrected errors": "ce_count", "uncorrected errors": "ue_count"}


def measure(setting: Setting, tell: Tell) -> Measured:
    """Bad words, and what the controllers count meanwhile and since the host started."""
    wanted = SMALL_BYTES if setting.small else None
    locked = Locked()
    memory = Memory.all_of(choose_device("cpu"), wanted, SHARE, locked.take)
    memory.about["locked_bytes"] = locked.nbytes
    before = edac(EDAC)
    done = run(memory, setting, tell, LEAST_SHARE if wanted is None else None)
    return with_counters(done, before, edac(EDAC))


class Locked:
    """Takes memory on huge pages, and keeps it from being swapped where the limits allow."""

    def __init__(self, lock: Callable[[int, int], bool] | None = None) -> None:
        self.nbytes = 0
        self._lock = lock or mlock

    def take(self, words: int) -> Any:
        """An int32 tensor of so many words. Raises MemoryError where there is none."""
        from truetpot.runtime.torch_device import as_tensor

        try:
            made = huge_empty(words * WORD).view(np.int32)
        except OSError as error:
            raise MemoryError(str(error)) from None
        taken = as_tensor(made)
        taken.zero_()  # on all cores; to lock pages that are not there yet brings them in on one
        if self._lock(made.ctypes.data, made.nbytes):
            self.nbytes += made.nbytes
        return taken


def mlock(address: int, nbytes: int) -> bool:
    """Whether the kernel locked it: RLIMIT_MEMLOCK or CAP_IPC_LOCK decide."""
    lock = getattr(ctypes.CDLL(None, use_errno=True), "mlock", None)
    return lock is not None and lock(ctypes.c_void_p(address), ctypes.c_size_t(nbytes)) == 0


def edac(root: Path) -> dict[str, int] | None:
    """Errors of all memory controllers since the host started; None where none is shown."""
    controllers = sorted(root.glob("mc[0-9]*"))
    if not controllers:
        return None
    return {
        name: sum(numbers(one / file for one in controllers)) for name, file in COUNTERS.items()
    }


def with_counters(
    measured: Measured, before: Mapping[str, int] | None, after: Mapping[str, int] | None
) -> Measured:
    """Readings of the patterns, and of EDAC's counters."""
    if before is None or after is None:
        found = {**measured.found, "edac": None}
        return msgspec.structs.replace(measured, found=found)
    new = {name: after[name] - before[name] for name in COUNTERS}
    corrected, uncorrected = (after[name] for name in COUNTERS)
    readings = [
        *measured.readings,
        errors("uncorrected errors", uncorrected, f"{new['uncorrected errors']} during the test"),
        Reading(
            name="corrected errors", value=corrected, unit="errors", better="lower", compared=False,
            note=f"{new['corrected errors']} during the test",
        ),
    ]  # fmt: skip
    found = {**measured.found, "edac": dict(after), "edac_new": new}
    return msgspec.structs.replace(measured, readings=readings, found=found)


