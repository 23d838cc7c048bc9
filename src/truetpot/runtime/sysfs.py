"""Small files of sysfs and procfs: absent, empty and unreadable ones are None, never an error."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from truetpot.files import read_attribute

PCI_DEVICES = Path("/sys/bus/pci/devices")


def number(path: Path) -> int | None:
    """A decimal or 0x number; None where there is none."""
    try:
        return int(read_attribute(path) or "", 0)
    except ValueError:
        return None


def numbers(paths: Iterable[Path]) -> list[int]:
    """Those of the files that hold one."""
    return [value for path in paths if (value := number(path)) is not None]


def card_state(address: str | None) -> dict[str, Any]:
    """Clock in MHz of a card's first tile and its warmest sensor, by the i915 or xe driver.

    ``address`` is the card's on the PCI bus, the one name of it that all programs and the kernel
    share. None: not known, and neither is anything else.
    """
    if address is None:
        return {"clock_mhz": None, "temperature_c": None}
    card = PCI_DEVICES / address
    clocks = (*card.glob("drm/card*/gt_act_freq_mhz"), *card.glob("tile0/gt0/freq0/act_freq"))
    celsius = numbers(card.glob("hwmon/hwmon*/temp*_input"))
    return {
        "clock_mhz": next(iter(numbers(clocks)), None),
        "temperature_c": max(celsius) / 1000 if celsius else None,
    }
