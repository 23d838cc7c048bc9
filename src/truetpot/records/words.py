"""Words that several records share, one enum a meaning."""

from __future__ import annotations

from enum import StrEnum


class KernelStatus(StrEnum):
    """What became of a kernel that was to be timed."""

    OK = "ok"
    COARSE = "coarse"
    """Timed, but not at the operator's precision: its arithmetic rounds further."""
    INVALID = "invalid"
    """A sample of it cannot be true."""
    WRONG = "wrong"
    """Its result is: it has no time."""
    SKIPPED = "skipped"
    """It cannot run here."""
    PARTIAL = "partial"
    """The run was interrupted."""


class Cache(StrEnum):
    """Where the inputs of a timed call come from."""

    ROTATED = "rotated"
    """From memory: calls go through so many copies that no cache holds them."""
    HOT = "hot"
    """A cache may hold them."""
    NOT_TIMED = ""
    """It was not timed."""
