"""All cards at once over their links, and each pair of cards directly."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.runtime.sysfs import PCI_DEVICES
from truetpot.validate.checks.link import NBYTES, SMALL_NBYTES, Copies, known_link, rate
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting, errors

DEPTH = 4
"""Copies in flight on each card."""


def measure(setting: Setting, tell: Tell) -> Measured:
    """Each card's rate while all copy, and each pair's; GB/s of one direction."""
    devices = [choose_device(name) for name in setting.devices]
    nbytes = SMALL_NBYTES if setting.small else NBYTES
    cards = [Copies(device, nbytes) for device in devices]
    each = setting.seconds / (2 + len(devices))
    readings = []
    for name in cards[0].both():
        rates = together([one.both()[name] for one in cards], devices, nbytes, each)
        for device, gb_s in zip(devices, rates, strict=True):
            readings.append(rate(f"{device.name} {name} all at once", gb_s, *_link(device)))
    wrong = sum(one.wrong() for one in cards)
    tell(Measured(readings=readings))
    found: dict[str, Any] = {}
    for i, first in enumerate(cards):
        for j, second in enumerate(cards):
            if i == j:
                continue
            name = f"{devices[i].name} to {devices[j].name}"
            found[name] = "peer to peer" if _peers(devices[i], devices[j]) else "through the host"
            readings.append(_pair(name, first, second, each / len(devices), found[name]))
            wrong += int((second.there.cpu() != first.sent).sum())
    readings.append(errors("wrong bytes", wrong))
    return Measured(readings=readings, found=found)


def together(
    calls: list[Callable[[], None]], devices: list[Device], nbytes: int, seconds: float
) -> list[float]:
    """GB/s of each card: copies are kept in flight on all until the time is over.

    A card is asked whether it is done only after all others have been given work.
    """
    done = [0] * len(calls)
    for device in devices:
        device.synchronize()
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for i, (call, device) in enumerate(zip(calls, devices, strict=True)):
            device.use()
            for _ in range(DEPTH):
                call()
            done[i] += DEPTH
        for device in devices:
            device.synchronize()
    used = time.perf_counter() - begun
    return [count * nbytes / used / 1e9 for count in done]


def _pair(name: str, first: Copies, second: Copies, seconds: float, how: str) -> Reading:
    def copy() -> None:
        second.there.copy_(first.there, non_blocking=True)

    first.device.use()
    first.up()
    first.device.synchronize()
    gb_s = first.gb_s(copy, seconds)
    second.device.synchronize()
    links = [link for link, _ in (_link(first.device), _link(second.device)) if link]
    pci = min((one.gb_s for one in links), default=None)
    # a link of its own, such as NVLink, is faster than the slot's, and not in these files
    expected = pci if pci is not None and gb_s <= pci else None
    return Reading(
        name=name, value=gb_s, unit="GB/s", better="higher", expected=expected,
        source="the narrower of the two links", note=how,
    )  # fmt: skip


def _peers(one: Device, other: Device) -> bool:
    import torch

    able = getattr(getattr(torch, one.kind, None), "can_device_access_peer", None)
    try:
        return bool(able and able(one.torch, other.torch))
    except (RuntimeError, TypeError):
        return False


def _link(device: Device) -> Any:
    address = device.identity().get("pci_address")
    return known_link(None if address is None else PCI_DEVICES / address)
