"""Clocks and throttling of a card, by i915's files and by xe's.

i915: ``card*/gt/gt0/rps_*_freq_mhz`` and ``throttle_reason_*`` (drivers/gpu/drm/i915/gt/
intel_gt_sysfs_pm.c), older kernels ``card*/gt_*_freq_mhz``. xe: ``device/tile*/gt*/freq0/*_freq``
and ``freq0/throttle/reason_*`` (https://docs.kernel.org/gpu/xe/xe_gt_freq.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from truetpot.doctor.files import numbered
from truetpot.files import read_attribute
from truetpot.runtime.sysfs import number


@dataclass(frozen=True)
class Clock:
    """The compute clock of a tile, MHz; None where the driver does not say."""

    where: str
    now: int | None
    low: int | None
    """The lowest that may be requested, and below it the highest: equal means pinned."""
    high: int | None
    hardware_low: int | None
    """What the hardware can do, RPn and RP0."""
    hardware_high: int | None
    throttled_by: tuple[str, ...] = ()

    @property
    def pinned(self) -> bool:
        """A fixed request: what is measured then is of one clock."""
        return self.low is not None and self.high is not None and self.high <= self.low

    @property
    def capped(self) -> bool:
        """Not allowed to run as fast as the hardware can."""
        return (
            self.high is not None
            and self.hardware_high is not None
            and self.high < self.hardware_high
        )


def read_clocks(card: Path | None, device: Path) -> tuple[Clock, ...]:
    """One a tile. ``card`` is the folder of the DRM device, None without one."""
    tiles = numbered(device, "tile[0-9]*")
    if tiles:
        first = [gts[0] for tile in tiles if (gts := numbered(tile, "gt[0-9]*/freq0"))]
        return tuple(_xe(freq, device) for freq in first)
    if card is None:
        return ()
    if read_attribute(card / "gt/gt0/rps_max_freq_mhz") is not None:
        return (_i915(card / "gt/gt0", "rps_", "gt0"),)
    if read_attribute(card / "gt_max_freq_mhz") is not None:
        return (_i915(card, "gt_", "gt"),)
    return ()


def _xe(freq: Path, device: Path) -> Clock:
    names = ("act", "min", "max", "rpn", "rp0")
    where = str(freq.parent.relative_to(device))
    reasons = numbered(freq, "throttle/reason_*")
    return _clock(where, [freq / f"{name}_freq" for name in names], reasons, "reason_")


def _i915(folder: Path, prefix: str, where: str) -> Clock:
    names = ("act", "min", "max", "RPn", "RP0")
    files = [folder / f"{prefix}{name}_freq_mhz" for name in names]
    return _clock(where, files, numbered(folder, "throttle_reason_*"), "throttle_reason_")


def _clock(where: str, files: Sequence[Path], reasons: Sequence[Path], prefix: str) -> Clock:
    now, low, high, hardware_low, hardware_high = (number(file) for file in files)
    held = (path.name.removeprefix(prefix) for path in reasons if number(path))
    throttled_by = tuple(reason for reason in held if reason != "status")  # status: any of them
    return Clock(where, now, low, high, hardware_low, hardware_high, throttled_by)
