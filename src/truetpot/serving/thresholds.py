"""Limits of the detectors, with their reasons: thresholds.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class Threshold:
    """One entry of ``thresholds.toml``: from where on a finding is made."""

    value: float
    reason: str
    source: str = ""


@cache
def thresholds() -> Mapping[str, Threshold]:
    """All of thresholds.toml by name."""
    text = resources.files(__package__).joinpath("thresholds.toml").read_text(encoding="utf-8")
    return {name: Threshold(**entry) for name, entry in tomllib.loads(text).items()}


def limit(name: str) -> float:
    """The value of a threshold, by its name."""
    return thresholds()[name].value
