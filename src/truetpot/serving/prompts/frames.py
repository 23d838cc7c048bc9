"""What stands around the passages of a prompt, in each language; from frames.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Frame:
    """The words of one language."""

    name: str
    joint: str
    """Between an opener and the first passage."""
    cut: str
    """Where a passage was cut."""
    openers: list[str]
    closings: list[str]
    """Each with ``{question}`` at its end; the first is the shortest."""
    questions: list[str]
    """For passages that have none of their own."""


@cache
def frames() -> dict[str, Frame]:
    """The frames by language: ``en``, ``zh``."""
    text = (resources.files(__package__) / "frames.toml").read_text(encoding="utf-8")
    return {language: Frame(**table) for language, table in tomllib.loads(text).items()}
