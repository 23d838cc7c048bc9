"""Small files of sysfs and procfs: absent, empty and unreadable ones are None, never an error."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from truetpot.files import read_attribute


def text(path: Path) -> str | None:
    """The file's contents without white space at the ends; None where there is nothing to read."""
    return read_attribute(path)


def number(path: Path) -> int | None:
    """A decimal or 0x number; None where there is none."""
    try:
        return int(text(path) or "", 0)
    except ValueError:
        return None


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
