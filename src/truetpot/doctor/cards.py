"""The GPUs of a machine, as the kernel shows them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from truetpot.doctor import pci
from truetpot.doctor.clocks import Clock, read_clocks
from truetpot.doctor.files import numbered, table
from truetpot.doctor.power import PowerLimit, read_power
from truetpot.errors import UserError
from truetpot.facts.hardware import Hardware, recognise
from truetpot.facts.tables import convert
from truetpot.files import open_regular, read_attribute
from truetpot.runtime.sysfs import number

VENDORS = {pci.INTEL: "Intel", 0x10DE: "NVIDIA", 0x1002: "AMD"}


@dataclass(frozen=True)
class Family:
    """Discrete GPUs of one generation; see families.toml."""

    title: str
    ids: tuple[int, ...]
    source: str
    driver: str | None = None
    kernel: str | None = None


@dataclass(frozen=True)
class Card:
    """One GPU. Sizes in bytes."""

    address: str
    """On the PCI bus."""
    vendor: str
    device_id: int
    title: str
    discrete: bool
    family: Family | None
    hardware: Hardware | None
    driver: str | None
    drm: str | None
    """``card1``."""
    render: str | None
    """``renderD128``: what a program opens."""
    render_usable: bool
    """May this user open it? False as well where a container does not show it."""
    render_group: int | None
    """Number of the group that owns it; None where it is not in /dev/dri."""
    link: pci.Link | None
    """Between the card and the machine; None where only what is not real can be seen."""
    narrowest: pci.Link | None
    """The slowest of the links from the card up to the processor."""
    downgraded: bool
    """xe: the card brought its own link down a generation (``auto_link_downgrade_status``)."""
    window: int | None
    """How much of the card's memory the processor sees."""
    largest_window: int | None
    clocks: tuple[Clock, ...]
    power: tuple[PowerLimit, ...]
    numa_node: int | None
    iommu: str | None
    """Type of its IOMMU domain: ``identity`` is pass-through, ``DMA`` and ``DMA-FQ`` translate."""

    @property
    def withheld(self) -> bool:
        """Whether its driver has a render node that is not in this /dev/dri."""
        return self.render is not None and self.render_group is None

    @property
    def name(self) -> str:
        """The card in a sentence: its node, its title and its PCI address."""
        return f"{self.drm or 'GPU'} ({self.title}, {self.address})"


@cache
def families() -> tuple[Family, ...]:
    """Every family of cards in families.toml, in its order."""
    return tuple(
        convert(entry, Family, f"families.toml [{key}]")
        for key, entry in table("families.toml").items()
    )


def find_cards(root: Path = Path("/")) -> list[Card]:
    """Every GPU of a known vendor; display controllers of a board's management are left out."""
    return [
        _card(device, VENDORS[vendor], root)
        for device in pci.displays(root)
        if (vendor := number(device / "vendor")) in VENDORS
    ]


def _card(device: Path, vendor: str, root: Path) -> Card:
    device_id = number(device / "device") or 0
    intel = vendor == "Intel"
    family = next((f for f in families() if intel and device_id in f.ids), None)
    hardware = recognise(f"Intel(R) Graphics [0x{device_id:04x}]") if intel else None
    discrete = _is_discrete(device, vendor, family)
    drm = next(iter(numbered(device, "drm/card[0-9]*")), None)
    render = next(iter(numbered(device, "drm/renderD*")), None)
    node = root / "dev/dri" / render.name if render else None
    numa = number(device / "numa_node")
    return Card(
        address=device.name,
        vendor=vendor,
        device_id=device_id,
        title=_title(vendor, device_id, hardware, family, discrete),
        discrete=discrete,
        family=family,
        hardware=hardware,
        driver=pci.driver(device),
        drm=drm.name if drm else None,
        render=render.name if render else None,
        render_usable=node is not None and os.access(node, os.R_OK | os.W_OK),
        render_group=node.stat().st_gid if node is not None and node.exists() else None,
        link=pci.slot_link(device) if discrete else None,
        narrowest=pci.narrowest_link(device) if discrete else None,
        downgraded=number(device / "auto_link_downgrade_status") == 1,
        window=pci.window_bytes(device) if intel and discrete else None,
        largest_window=pci.largest_window_bytes(device) if intel and discrete else None,
        clocks=read_clocks(drm, device),
        power=read_power(device, hardware),
        numa_node=numa if numa is not None and numa >= 0 else None,
        iommu=read_attribute(device / "iommu_group/type"),
    )


def _is_discrete(device: Path, vendor: str, family: Family | None) -> bool:
    """Not the processor's own graphics: Intel's hang on the root bus, AMD's behind a bridge."""
    if vendor == "Intel":
        return family is not None or bool(pci.ports_above(device))
    return vendor != "AMD" or not _has_metrics_of_an_apu(device)


def _has_metrics_of_an_apu(device: Path) -> bool:
    """By amdgpu's ``gpu_metrics``: format 1 is of cards, 2 and 3 of APUs (kgd_pp_interface.h)."""
    try:
        with open_regular(device / "gpu_metrics", "a file of the kernel") as file:
            head = file.read(4) or b""
    except (UserError, OSError):
        return False
    return len(head) == 4 and head[2] in (2, 3)


def _title(
    vendor: str, device_id: int, hardware: Hardware | None, family: Family | None, discrete: bool
) -> str:
    if hardware is not None:
        return hardware.title
    if family is not None:
        return f"Intel {family.title} 0x{device_id:04x}"
    kind = "" if discrete else "integrated "
    return f"{vendor} {kind}GPU 0x{device_id:04x}"
