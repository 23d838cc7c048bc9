"""The record of ``truetpot doctor``: the machine, and whether its numbers can be trusted."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from msgspec import field

from truetpot.records.numbers import Bytes, Count, Finite, NotNegative, Words
from truetpot.records.opening import Identity, Named, Part
from truetpot.records.providers import KernelEntry


class Level(StrEnum):
    """``bad`` makes numbers untrustworthy; ``warn`` has to be told beside them."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Finding(Part, frozen=True, kw_only=True):
    """One line; `means` and `do` are empty where all is well."""

    level: Level
    about: str
    what: str
    means: str = ""
    do: str = ""


class LinkRow(Part, frozen=True, kw_only=True):
    """A PCI Express link: GT/s and lanes, as they are and at most."""

    at: str
    """PCI address of the port where it was read."""
    speed: NotNegative
    width: Count
    max_speed: NotNegative
    max_width: Count


class CardClock(Part, frozen=True, kw_only=True):
    """The compute clock of a tile, MHz; null where the driver does not say."""

    where: str
    now: int | None
    low: int | None
    """The lowest that may be requested, and below it the highest: equal means pinned."""
    high: int | None
    hardware_low: int | None
    """What the hardware can do."""
    hardware_high: int | None
    throttled_by: list[str]


class PowerRow(Part, frozen=True, kw_only=True):
    """A power limit in watts."""

    what: str
    """`card` or `package`."""
    limit_w: NotNegative | None
    """Null: switched off."""
    rated_w: NotNegative | None
    """What the card is sold with, and below it who says so: `driver` or `datasheet`."""
    rated_by: str | None = None
    kind: str | None = None
    """`sustained` (PL1), `burst` (PL2) or `critical` (I1); null in older records: sustained."""


class CardRow(Part, frozen=True, kw_only=True):
    """One GPU, as the kernel shows it."""

    address: str
    """On the PCI bus."""
    vendor: str
    device_id: Count
    title: str
    discrete: bool
    family: str | None
    hardware: str | None
    """A card of the tables."""
    driver: str | None
    drm: str | None
    """`card1`."""
    render: str | None
    """`renderD128`."""
    render_usable: bool
    """This user may open it."""
    render_group: int | None = None
    """Number of the group that owns it; null where it is not in /dev/dri."""
    link: LinkRow | None
    """Between the card and the machine; null where only what is not real can be seen."""
    narrowest: LinkRow | None
    """The slowest of the links from the card up to the processor."""
    downgraded: bool
    """The card brought its own link down a generation."""
    window: Bytes | None
    """How much of the card's memory the processor sees."""
    largest_window: Bytes | None
    clocks: list[CardClock]
    power: list[PowerRow]
    numa_node: int | None
    iommu: str | None
    """Type of its IOMMU domain."""


class HostRow(Part, frozen=True, kw_only=True):
    """The machine around the cards; null where the kernel says nothing."""

    kernel: str | None
    cpu: str | None
    cores: Count
    memory_bytes: Bytes | None
    governors: list[str]
    """Of all cores, each once."""
    virtual: bool
    numa_nodes: Count
    iommu: bool
    passthrough: bool
    command_line: str | None
    """The kernel's."""
    wsl: bool | None = None
    """Linux inside Windows (WSL2)."""
    dxg: bool | None = None
    """/dev/dxg, the way to the cards of Windows, is there."""
    dxcore: bool | None = None
    """So are Windows' libraries that drivers inside WSL go through."""


class ContainerRow(Part, frozen=True, kw_only=True):
    """What a container or a service manager leaves of the machine; null: not told, or no limit."""

    kind: str | None
    """`docker`, `podman`, `kubernetes`, `container`; null outside of one."""
    allowed_cores: Count | None
    """That the process may run on."""
    quota_cores: NotNegative | None
    """Processor time that it may have, in cores."""
    effective_cores: NotNegative | None
    """The least of both."""
    periods: Count | None
    """Of the quota so far, and below it those in which it had to wait."""
    throttled: Count | None
    memory_bytes: Bytes | None
    """The limit."""
    shm_bytes: Bytes | None
    """Of /dev/shm."""
    takes_files: bool | None
    """It may take open files of another process, as oneCCL's pidfd exchange does."""
    by_path: bool
    """/dev/dri/by-path is there."""


class SoftwareRow(Part, frozen=True, kw_only=True):
    """Versions of the compute stack; nothing is loaded to find them."""

    system: Words
    """Packages of the distribution."""
    level_zero: str | None
    """Version of Intel's Level Zero driver; its path where the file has none."""
    opencl: list[str]
    """Libraries that the OpenCL loader would open."""
    python: Words


class VariableRow(Part, frozen=True, kw_only=True):
    """An environment variable that is set and changes what is measured."""

    name: str
    value: str
    does: str
    source: str


class DeviceRow(Part, frozen=True, kw_only=True):
    """The device that was looked at and measured."""

    name: str
    """`cpu`, `xpu:0`."""
    identity: Identity
    state: dict[str, Any]


class Quick(Part, frozen=True, kw_only=True):
    """What was measured of the device; rates in 1e9 bytes a second."""

    device: str
    read_gb_s: Finite | None
    """The best read kernel's, at the median."""
    reader: str
    """Its provider."""
    spread: NotNegative | None
    """Standard deviation over mean of its samples."""
    samples: Count
    datasheet_gb_s: NotNegative | None
    empty_pair_s: NotNegative
    """What the device's clock costs around nothing."""
    impossible: str | None
    """A sample that cannot be true."""
    misread: str | None
    """A read kernel that gave a wrong sum."""
    left_out: list[str] = field(default_factory=list)
    """Read kernels of someone else that failed, a sentence each."""


class DoctorRecord(Named, frozen=True, kw_only=True):
    """`truetpot doctor --json`. With `--no-check` no device is opened."""

    kind: Literal["doctor"] = "doctor"
    started: str | None = None
    """UTC."""
    hostname: str | None = None
    """The machine's name."""
    machine_id: str | None = None
    """Of the machine: a digest of /etc/machine-id, which itself should not be published."""
    command: str
    """The command that repeats it."""
    verdict: Level
    """The worst of the findings."""
    findings: list[Finding]
    cards: list[CardRow]
    host: HostRow
    software: SoftwareRow
    container: ContainerRow | None = None
    variables: list[VariableRow]
    others: Words = field(default_factory=dict)
    """Variables that begin as a known library's do, and are not in truetpot's table."""
    device: DeviceRow | None
    providers: list[KernelEntry]
    check: Quick | None
