"""A card's clock, power, temperature and throttle reasons while something runs on it."""

from __future__ import annotations

import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

from truetpot.doctor.clocks import read_clocks
from truetpot.runtime.device import Device
from truetpot.runtime.sysfs import PCI_DEVICES, number, numbers

PERIOD_S = 1.0


@dataclass(frozen=True)
class Look:
    """One look at a card; None is what the platform does not tell."""

    at_s: float
    """On the monotonic clock."""
    clock_mhz: float | None
    memory_clock_mhz: float | None
    power_w: float | None
    temperature_c: float | None
    throttled_by: tuple[str, ...]


class Watch:
    """Looks at one card. On Intel cards the files of i915 and xe, elsewhere the device's state."""

    def __init__(self, device: Device, pci_devices: Path = PCI_DEVICES) -> None:
        self.device = device
        address = device.identity().get("pci_address") if device.kind in ("xpu", "opencl") else None
        self._card = pci_devices / address if address else None
        self._energy: tuple[float, float] | None = None

    def look(self) -> Look:
        """The card's clock, power and throttling at this moment."""
        state = self.device.state()
        at_s, power_w = time.monotonic(), _number(state.get("power_w"))
        throttled_by = nvidia_reasons(state.get("throttle"))
        if self._card is not None:
            power_w, throttled_by = self._power(at_s), self._reasons()
        return Look(
            at_s,
            _number(state.get("clock_mhz")),
            _number(state.get("memory_clock_mhz")),
            power_w,
            _number(state.get("temperature_c")),
            throttled_by,
        )

    def _reasons(self) -> tuple[str, ...]:
        assert self._card is not None
        drm = next(iter(sorted(self._card.glob("drm/card[0-9]*"))), None)
        clocks = read_clocks(drm, self._card)
        return tuple(dict.fromkeys(reason for one in clocks for reason in one.throttled_by))

    def _power(self, at_s: float) -> float | None:
        """The card's energy counter in microjoules, from one look to the next."""
        assert self._card is not None
        joules = next(iter(numbers(sorted(self._card.glob("hwmon/hwmon*/energy1_input")))), None)
        if joules is None:
            watts = next(iter(sorted(self._card.glob("hwmon/hwmon*/power1_input"))), None)
            value = None if watts is None else number(watts)
            return None if value is None else value / 1e6
        before, self._energy = self._energy, (at_s, joules / 1e6)
        if before is None or at_s <= before[0] or joules / 1e6 < before[1]:
            return None
        return (joules / 1e6 - before[1]) / (at_s - before[0])


def nvidia_reasons(mask: Any) -> tuple[str, ...]:
    """Names of the bits of ``clocks_throttle_reasons.active``."""
    with suppress(TypeError, ValueError):
        bits = int(str(mask), 0)
        return tuple(name for bit, name in _table()["nvidia"].items() if bits & int(bit, 16))
    return ()


def harmful(reasons: tuple[str, ...] | list[str]) -> list[str]:
    """Those that a card which is cooled and fed does not have under load."""
    harmless = {*_table()["harmless"]["reasons"]}
    return [one for one in reasons if one not in harmless]


@contextmanager
def watching(device: Device, period_s: float = PERIOD_S) -> Iterator[list[Look]]:
    """Looks, one a period, taken by a thread for as long as the block lasts, and one at its end."""
    looks: list[Look] = []
    over, watch = threading.Event(), Watch(device)

    def run() -> None:
        while not over.wait(period_s):
            looks.append(watch.look())

    thread = threading.Thread(target=run, name="look at the card", daemon=True)
    thread.start()
    try:
        yield looks
        if not looks:
            looks.append(watch.look())
    finally:
        over.set()
        thread.join(10.0)


def median_clock(looks: list[Look]) -> float | None:
    """MHz; None where no look tells."""
    told = [look.clock_mhz for look in looks if look.clock_mhz]
    return median(told) if told else None


def _table() -> dict[str, Any]:
    text = resources.files("truetpot.validate").joinpath("throttle.toml").read_text("utf-8")
    return tomllib.loads(text)


def _number(value: Any) -> float | None:
    """Of a list, such as the clocks of all cores, the median."""
    if isinstance(value, list):
        return median(value) if value else None
    with suppress(TypeError, ValueError):
        return float(value)
    return None
