"""Limits of ``fleet``, as ``limits.toml`` has them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources


@cache
def _all() -> dict[str, float]:
    text = resources.files("truetpot.fleet").joinpath("limits.toml").read_text(encoding="utf-8")
    return {name: float(entry["value"]) for name, entry in tomllib.loads(text).items()}


def limit(name: str) -> float:
    """The limit of this name in ``limits.toml``."""
    return _all()[name]
