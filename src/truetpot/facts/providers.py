"""Providers of kernels that have a place, and the packages they stand on; see providers.toml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from truetpot.facts.tables import convert, read


@dataclass(frozen=True)
class Provider:
    """What is known of a provider without importing its kernels."""

    name: str
    packages: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    variable: str = ""


@cache
def all_providers() -> dict[str, Provider]:
    """Every provider of providers.toml by name; there may be others, in the tree and outside."""
    return {
        name: convert({"name": name, **entry}, Provider, f"providers.toml [{name}]")
        for name, entry in read("providers.toml").items()
    }
