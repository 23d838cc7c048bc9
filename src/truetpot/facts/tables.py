"""Read the TOML tables of this package into dataclasses, and refuse keys that mean nothing."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


@cache
def read(name: str) -> dict[str, Any]:
    """The contents of `name` (such as "models.toml") in this package; parsed once a process."""
    text = resources.files("truetpot.facts").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def convert(table: dict[str, Any], cls: type[T], where: str) -> T:
    """`table` as a `cls`; types are checked and unknown keys refused.

    Raises ValueError naming `where`: a broken table is our mistake, not the user's. msgspec itself
    drops unknown keys of a dataclass, so a misspelt optional field would vanish without a word.
    """
    known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(table.keys() - known):
        raise ValueError(f"{where}: unknown keys {unknown}")
    try:
        return msgspec.convert(table, cls)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}") from error
