"""What passes between the process that judges and one that measures."""

from __future__ import annotations

from typing import Any

from msgspec import field

from truetpot.records.numbers import Finite
from truetpot.records.opening import Part
from truetpot.records.validate import BadMemory, Better, Second


class Setting(Part, frozen=True, kw_only=True):
    """What a test is asked to do: on which devices, for how long, at which level."""

    test: str
    devices: list[str]
    """`xpu:0`; of the host none."""
    seconds: float
    """For the measurement; starting and compiling come on top."""
    level: str
    small: bool = False
    """Sizes for trying the command: a memory of 64 MiB, products of 256."""


class Reading(Part, frozen=True, kw_only=True):
    """One number, and what the measuring process knows that it could be held against."""

    name: str
    value: Finite
    unit: str
    better: Better
    right: Finite | None = None
    """The one value that is right: an exact test."""
    expected: Finite | None = None
    """What a healthy card gives by its datasheet, lanes or clock: a limit is a share of it."""
    bound: Finite | None = None
    """What no card can exceed; beyond it the test has failed."""
    source: str = ""
    """Of `expected` and `bound`."""
    note: str = ""
    compared: bool = True
    """Whether equal cards have equal ones."""


class Measured(Part, frozen=True, kw_only=True):
    """What a test leaves; written as it goes, so that one which hangs leaves what it had."""

    readings: list[Reading] = field(default_factory=list)
    bad_memory: BadMemory | None = None
    series: list[Second] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)
    not_here: str = ""
    """Why this machine does not have what is to be tested; empty where it has."""


def errors(name: str, count: int, note: str = "") -> Reading:
    """A count that has to be zero."""
    return Reading(
        name=name, value=count, unit="errors", better="lower", right=0.0, note=note,
        compared=False,
    )  # fmt: skip
