"""The record of ``truetpot providers``: which kernels there are here, and why not the others."""

from __future__ import annotations

from typing import Literal

from truetpot.records.opening import Identity, Measured, Part


class KernelEntry(Part, frozen=True, kw_only=True):
    """One kernel of one provider, or the file that should have held it."""

    op: str
    provider: str
    available: bool
    reason: str
    """Why it is not available, or what it does not take; empty when it takes everything."""
    note: str
    """The code path."""
    source: str
    """Its file."""


class ProvidersRecord(Measured, frozen=True, kw_only=True):
    """What `truetpot providers --json` writes: which kernels run here."""

    kind: Literal["providers"] = "providers"
    device: str
    """The one that was asked for."""
    devices: list[Identity]
    """Each device present."""
    kernels: list[KernelEntry]
