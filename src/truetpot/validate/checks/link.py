"""The link of a card: host to device and back by pinned memory, and the errors that it counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from truetpot.doctor.pci import Link, narrowest_link, slot_link
from truetpot.files import read_attribute
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.runtime.sysfs import PCI_DEVICES
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting, errors

NBYTES, SMALL_NBYTES = 256 << 20, 16 << 20
FLAGS = {"fatal errors": "aer_dev_fatal", "nonfatal errors": "aer_dev_nonfatal"}
"""Documentation/ABI/testing/sysfs-bus-pci-devices-aer_stats."""


def measure(setting: Setting, tell: Tell) -> Measured:
    """``host to device`` and ``device to host`` in GB/s, medians, and new errors of the link."""
    device = choose_device(setting.devices[0])
    address = device.identity().get("pci_address")
    card = None if address is None else (PCI_DEVICES / address)
    before = aer(card)
    copies = Copies(device, SMALL_NBYTES if setting.small else NBYTES)
    rates = {name: copies.gb_s(call, setting.seconds / 2) for name, call in copies.both().items()}
    link, why = known_link(card)  # now: an idle link is a slow one
    readings = [rate(name, gb_s, link, why) for name, gb_s in rates.items()]
    readings.append(errors("wrong bytes", copies.wrong()))
    after = aer(card)
    both = [name for name in FLAGS if name in before and name in after]
    readings += [errors(f"new {name}", after[name] - before[name]) for name in both]
    return Measured(readings=readings, found={"link": why, "aer": after})


def rate(name: str, gb_s: float, link: Link | None, why: str) -> Reading:
    """Against what the lanes carry in one direction; bounded by the maximum of the link."""
    return Reading(
        name=name,
        value=gb_s,
        unit="GB/s",
        better="higher",
        expected=None if link is None else link.gb_s,
        bound=None if link is None else link.max_gb_s,
        source=why,
        note="" if link is not None else why,
    )


def known_link(card: Path | None) -> tuple[Link | None, str]:
    """The narrowest link between the card and the processor, and it in words.

    None where the kernel shows none, or a placeholder only: then nothing is expected.
    """
    if card is None:
        return None, "the link is not known: nothing tells the card's PCI address"
    here = card.resolve()
    slot = slot_link(here) if here.exists() else None
    if slot is None:
        return None, "the link is not known: the kernel shows none, or the placeholder 2.5 GT/s x1"
    link = narrowest_link(here) or slot
    return link, f"{link} at {link.at}, at most {link.most}"


def aer(card: Path | None) -> dict[str, int]:
    """Totals of the link's error counters; those that the kernel shows."""
    found: dict[str, int] = {}
    if card is None:
        return found
    for name, file in FLAGS.items():
        total = re.search(r"^TOTAL_ERR_\w+ (\d+)$", read_attribute(card / file) or "", re.MULTILINE)
        if total:
            found[name] = int(total[1])
    return found


class Copies:
    """A buffer on each side, and copies between them. On a CPU both sides are the host's."""

    def __init__(self, device: Device, nbytes: int) -> None:
        import torch

        self.device = device
        where: Any = device.torch
        generator = torch.Generator().manual_seed(0)
        self.sent = torch.randint(
            -(1 << 31), (1 << 31) - 1, (nbytes // 4,), generator=generator, dtype=torch.int32
        )
        self.host, self.back = (torch.empty_like(self.sent) for _ in range(2))
        if not device.is_cpu:
            self.host, self.back = self.host.pin_memory(), self.back.pin_memory()
        self.host.copy_(self.sent)
        self.there = torch.empty(nbytes // 4, dtype=torch.int32, device=where)
        self.nbytes = nbytes

    def up(self) -> None:
        """Copy from host to device, without waiting."""
        self.there.copy_(self.host, non_blocking=True)

    def down(self) -> None:
        """Copy from device to host, without waiting."""
        self.back.copy_(self.there, non_blocking=True)

    def both(self) -> dict[str, Callable[[], None]]:
        """The two copies by the name of their figure."""
        return {"host to device": self.up, "device to host": self.down}

    def gb_s(self, call: Callable[[], None], seconds: float) -> float:
        """1e9 bytes a second, the median of copies one at a time."""
        samples = [self.device.time_calls([call], elapsed=True).wall_s]
        budget = seconds
        while budget > 0 or len(samples) < 5:
            took = self.device.time_calls([call], elapsed=True)
            samples.append(took.wall_s)
            budget -= took.wall_s
        return self.nbytes / median(samples[1:]) / 1e9

    def wrong(self) -> int:
        """Words that came back otherwise than they were sent."""
        self.back.zero_()
        self.up()
        self.down()
        self.device.synchronize()
        return int((self.back != self.sent).sum())
