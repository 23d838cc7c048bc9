"""A verdict line: what is so, what it means for a measurement, what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """``bad`` makes numbers untrustworthy; ``warn`` has to be told beside them."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One line; ``means`` and ``do`` are empty where all is well."""

    level: Level
    about: str
    what: str
    means: str = ""
    do: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is."""
        return asdict(self)


def ok(about: str, what: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, about, what)


def warn(about: str, what: str, means: str, do: str) -> Finding:
    """To be told beside a number."""
    return Finding(Level.WARN, about, what, means, do)


def bad(about: str, what: str, means: str, do: str) -> Finding:
    """Numbers cannot be trusted."""
    return Finding(Level.BAD, about, what, means, do)


def worst(findings: list[Finding]) -> Level:
    """The verdict on all."""
    levels = [finding.level for finding in findings]
    return next((level for level in (Level.BAD, Level.WARN) if level in levels), Level.OK)
