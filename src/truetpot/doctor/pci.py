"""PCI devices as sysfs shows them: links, windows into device memory, and what lies above.

The files are those of Documentation/ABI/testing/sysfs-bus-pci.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from truetpot.files import read_attribute
from truetpot.runtime.sysfs import number

INTEL = 0x8086
_EMULATED = frozenset({0x1B36, 0x15AD})
"""Vendors of ports that a virtual machine makes up (QEMU, VMware): their links carry nothing."""
_ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


@dataclass(frozen=True)
class Link:
    """A PCI Express link: GT/s and lanes, as they are and at most."""

    at: str
    """PCI address of the port where it was read."""
    speed: float
    width: int
    max_speed: float
    max_width: int

    @property
    def gb_s(self) -> float:
        """What it can carry in one direction now, 1e9 bytes a second."""
        return _gb_s(self.speed, self.width)

    @property
    def max_gb_s(self) -> float:
        """What it could carry in one direction at its best, 1e9 bytes a second."""
        return _gb_s(self.max_speed, self.max_width)

    def __str__(self) -> str:
        return f"{self.speed:g} GT/s x{self.width}"

    @property
    def most(self) -> str:
        """The link's maximum in words: ``16 GT/s x8``."""
        return f"{self.max_speed:g} GT/s x{self.max_width}"


def read_link(device: Path) -> Link | None:
    """The link of a device or port; None where the kernel shows none or does not know it."""
    ends = ("current", "max")
    speeds = [_speed(read_attribute(device / f"{end}_link_speed")) for end in ends]
    widths = [number(device / f"{end}_link_width") for end in ends]
    if not all(speeds) or not all(widths) or 255 in widths:  # 255: the kernel could not tell
        return None
    return Link(device.name, speeds[0] or 0, widths[0] or 0, speeds[1] or 0, widths[1] or 0)


def ports_above(device: Path) -> list[Path]:
    """PCI bridges from a device (its resolved folder) up to the root port, the nearest first."""
    above = []
    for folder in device.parents:
        if not _ADDRESS.fullmatch(folder.name):
            break
        above.append(folder)
    return above


def slot_link(device: Path) -> Link | None:
    """The link between a card and the machine; None where the kernel shows only what is not real.

    Arc cards have a switch of their own. The GPU and the port right above it then show a link of
    2.5 GT/s x1, which is not real; the switch's upstream port, two above the GPU, has the true one
    (https://github.com/Syllo/nvtop/pull/344; B580 likewise:
    https://github.com/geerlingguy/raspberry-pi-pcie-devices/issues/695). A virtual machine that a
    card is passed through to sees the GPU without its switch.
    """
    own, above = read_link(device), ports_above(device)
    placeholder = own is not None and (own.max_speed, own.max_width) == (2.5, 1)
    if not placeholder or not _is_intel(device):
        return own
    switch = len(above) >= 2 and all(_is_intel(port) for port in above[:2])
    link = read_link(above[1]) if switch else None
    return None if link is None or (link.max_speed, link.max_width) == (2.5, 1) else link


def narrowest_link(device: Path) -> Link | None:
    """The slowest from :func:`slot_link` up to the root port: a switch may have a thin one."""
    slot = slot_link(device)
    if slot is None:
        return None
    above = ports_above(device)
    names = [port.name for port in above]
    start = names.index(slot.at) if slot.at in names else 0
    real = [port for port in above[start:] if number(port / "vendor") not in _EMULATED]
    links = [link for port in real if (link := read_link(port))]
    return min([slot, *links], key=lambda link: link.gb_s)


def window_bytes(device: Path, bar: int = 2) -> int | None:
    """Size of a base address register's window; BAR 2 is the card's memory on Intel's GPUs."""
    lines = (read_attribute(device / "resource") or "").splitlines()
    try:
        start, end, *_ = (int(part, 16) for part in lines[bar].split())
    except (IndexError, ValueError):
        return None
    return end - start + 1 if end > start else None


def largest_window_bytes(device: Path, bar: int = 2) -> int | None:
    """What the window could be resized to: bit n of the file's bitmap stands for 2^n MiB."""
    try:
        sizes = int(read_attribute(device / f"resource{bar}_resize") or "", 16)
    except ValueError:
        return None
    return 1 << (sizes.bit_length() - 1 + 20) if sizes else None


def driver(device: Path) -> str | None:
    """The kernel driver bound to a device."""
    try:
        return (device / "driver").readlink().name
    except OSError:
        return None


def displays(root: Path) -> Iterator[Path]:
    """Resolved folders of all PCI devices of the display class, bound to a driver or not."""
    for entry in sorted((root / "sys/bus/pci/devices").glob("*")):
        if (number(entry / "class") or 0) >> 16 == 0x03:
            yield entry.resolve()


def _is_intel(device: Path) -> bool:
    return number(device / "vendor") == INTEL


def _speed(line: str | None) -> float | None:
    match = re.match(r"([\d.]+) GT/s", line or "")
    return float(match[1]) if match else None


def _gb_s(speed: float, width: int) -> float:
    """GT/s are bits a lane; up to 5 GT/s 8 of 10 of them carry data, from 8 on 128 of 130."""
    return speed * width / 8 * (0.8 if speed <= 5 else 128 / 130)
