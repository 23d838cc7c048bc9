"""What a record says first: of which run it is, and where and how that was made."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Required, TypedDict

import msgspec
from msgspec import Meta

from truetpot.records.numbers import AtLeastOne, Bytes, Count, NotNegative, Words

SCHEMA_VERSION = 1
"""Of the records that are written now, and the only one that is read."""
Version = Annotated[int, Meta(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a record. Fields that are not known are left out when it is read."""


class Identity(TypedDict, total=False):
    """A physical device, by what its platform tells; null is what it does not.

    Only the name is always there.
    """

    device: str
    """`cpu`, `xpu:0`; where devices are listed."""
    kind: str
    """`cpu`, `xpu`, `cuda`, `opencl`."""
    name: Required[str]
    """As the driver reports it."""
    uuid: str | None
    pci_address: str | None
    pci_device_id: int | None
    integrated: bool | None
    """A GPU of the processor, in the host's memory."""
    driver: str | None
    memory_bytes: Bytes | None
    cache_bytes: Bytes | None
    """The last-level cache."""
    local_memory_bytes: Bytes | None
    units: Count | None
    """Multiprocessors or execution units."""
    cores: Count
    threads: Count
    """That torch uses."""
    family_model_stepping: str
    microcode: str | None
    features: list[str]
    """Of a processor: the instruction sets that kernels choose by."""
    hypervisor: bool
    platform: str | None
    """Of OpenCL."""
    opencl: str | None
    """Version of the standard."""
    target: str | None
    """The generation that kernels are compiled for."""
    largest_allocation_bytes: Bytes | None
    memory_kind: str | None
    subgroups: list[AtLeastOne]
    extensions: list[str]
    """Of OpenCL, those that kernels choose by."""


class ClockRow(Part, frozen=True, kw_only=True):
    """The clock that device times are read from, and its cost."""

    source: str
    """Whose clock, in words."""
    empty_pair_s: NotNegative
    """What taking a time around nothing costs."""


class Environment(Part, frozen=True, kw_only=True):
    """Software, variables, the device's identity, clock and state when the run began."""

    truetpot: str
    """Version."""
    commit: str | None
    """Of the checkout it runs from, `-dirty` with changes; null where it is installed."""
    python: str
    os: str
    packages: Words
    """Versions of those that matter, where they are installed."""
    variables: Words
    """Environment variables that change what is measured."""
    device: Identity
    clock: ClockRow
    state: dict[str, Any]
    """Clocks, temperature, throttling, load; null is what the platform does not tell."""


class Opening(Part, frozen=True, kw_only=True):
    """What a measured record opens with, known before the first sample."""

    started: str
    command: str
    environment: Environment


class Named(Part, frozen=True, kw_only=True):
    """What every record begins with: its kind and its schema."""

    schema_version: Version = SCHEMA_VERSION
    """1. It changes when a field changes its meaning or goes; fields may be added."""
    kind: str
    """Which record it is."""


class Measured(Named, frozen=True, kw_only=True):
    """What each measured record begins with: that of a command that asks the device."""

    started: str
    """UTC."""
    command: str
    """The command that repeats the run."""
    environment: Environment
    partial: bool
    """True after an interrupt, or where a kernel ended the process: it is what was measured."""


def command() -> str:
    """The command that repeats this run."""
    program = Path(sys.argv[0]).name
    name = "truetpot" if program in ("truetpot", "__main__.py") else program
    return shlex.join([name, *sys.argv[1:]])


def now() -> str:
    """The time now, in UTC, as ISO 8601 has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
