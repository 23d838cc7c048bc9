"""A quantity that a file determines: its value, how far it may be off, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """A number with its evidence. ``high`` is None where nothing bounds it from above."""

    value: float
    low: float
    high: float | None
    source: str
    """In words, for people: ``Little's law over the requests' own intervals``."""
    assumed: bool = False
    """Whether nothing in the file speaks for the value."""

    @classmethod
    def exactly(cls, value: float, source: str) -> Known:
        """What is written in the file, or follows from it without an assumption."""
        return cls(value, value, value, source)
