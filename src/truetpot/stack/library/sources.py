"""What is known of each kind of source: how it takes times, and its words for formats."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import msgspec


@dataclass(frozen=True)
class Source:
    """One section of ``sources.toml``: how a kind of source takes its times."""

    timing: str
    source: str
    formats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def stands_for(self, word: str) -> tuple[str, ...]:
        """Formats here that a word of the source stands for; the word itself where it is one."""
        return self.formats.get(word, (word,))


@cache
def source(name: str) -> Source:
    """The section of ``sources.toml`` with this name."""
    file = resources.files("truetpot.stack.library").joinpath("sources.toml")
    return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8"))[name], Source)
