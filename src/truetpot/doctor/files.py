"""What the doctor reads: small files of the kernel, and this package's tables."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any


def numbered(folder: Path, pattern: str) -> list[Path]:
    """Matching entries in the order of their numbers: gt2 comes before gt10."""

    def key(path: Path) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS(path.name)]

    return sorted(folder.glob(pattern), key=key)


_DIGITS = re.compile(r"(\d+)").split


def table(name: str) -> dict[str, Any]:
    """One of this package's TOML tables."""
    here = resources.files("truetpot.doctor")
    return tomllib.loads(here.joinpath(name).read_text(encoding="utf-8"))


def threshold(name: str) -> float:
    """The value of one entry of thresholds.toml, in the unit that the entry says."""
    return float(table("thresholds.toml")[name]["value"])
