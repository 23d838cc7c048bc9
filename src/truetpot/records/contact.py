"""The record of ``truetpot contact``: what was tried on a card, and how each step ended."""

from __future__ import annotations

from typing import Any, Literal

from truetpot.records.numbers import Bytes, Count, NotNegative
from truetpot.records.opening import Identity, Measured, Named, Part
from truetpot.records.words import StepOutcome


class StepRow(Part, frozen=True, kw_only=True):
    """One step, which ran in a process of its own."""

    name: str
    about: str
    """What it is for."""
    command: str
    """Empty where it was not run."""
    limit_s: NotNegative
    seconds: NotNegative
    """How long its process lived."""
    outcome: StepOutcome
    code: int | None
    """Exit code; minus the number of the signal that ended it."""
    said: str
    """One line: the last sentence on standard error, the exception, the signal, the reason."""
    traceback: str
    """Of what ended it, as Python's fault handler or the exception tells; empty where none did."""


class ArchivedFile(Part, frozen=True, kw_only=True):
    """One file of the archive."""

    name: str
    step: str
    size: Bytes


class ContactRecord(Named, frozen=True, kw_only=True):
    """`manifest.json` in the archive of `truetpot contact`. Nothing in it was measured: the
    records of the steps, which lie beside it, say what was."""

    kind: Literal["contact"] = "contact"
    started: str
    """UTC."""
    command: str
    truetpot: str
    """Version."""
    python: str
    os: str
    partial: bool
    """True after an interrupt, and as long as steps are left to run."""
    device: str
    """`xpu:0`; as it was asked for where no step could name it."""
    devices: list[Identity]
    """Each device present, if step `providers` could tell."""
    steps: list[StepRow]
    files: list[ArchivedFile]
    redacted: dict[str, Count]
    """How many different values were replaced, by kind: `host`, `uuid`, `ip`."""


class ProbeRecord(Measured, frozen=True, kw_only=True):
    """What a step of `truetpot contact` asks a device for that no other command does."""

    kind: Literal["probe"] = "probe"
    probe: str
    """`events`, `graph`, `profiler`."""
    found: dict[str, Any]
    """By name; seconds where the name ends in `_s`."""
