"""Environment variables that change what is measured: variables.toml, and those that are set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from truetpot.facts.tables import convert, read

_NAMES = "names"
"""The one entry of the table that is no variable."""
_OWN = "TRUETPOT_"


@dataclass(frozen=True)
class Variable:
    """One environment variable of ``variables.toml``, and what it changes."""

    name: str
    does: str
    source: str
    effect: str | None = None
    """``warn`` or ``bad`` where a value is worth more than a line."""
    harmless: tuple[str, ...] = ()
    """Values without that effect."""
    means: str | None = None
    script: str | None = None
    """What ipex-llm's start script sets it to."""

    def harms(self, value: str) -> bool:
        """Does this value change what a time means?"""
        return self.effect is not None and value.lower() not in (h.lower() for h in self.harmless)


@cache
def variables() -> tuple[Variable, ...]:
    """All environment variables of ``variables.toml``, in its order."""
    return tuple(
        convert({"name": name, **entry}, Variable, f"variables.toml [{name}]")
        for name, entry in read("variables.toml").items()
        if name != _NAMES
    )


@cache
def prefixes() -> tuple[str, ...]:
    """How the variables of the stacks' libraries begin, whether they are in the table or not."""
    return tuple(read("variables.toml")[_NAMES]["prefixes"])


def those_set(environment: Mapping[str, str]) -> dict[Variable, str]:
    """Known ones with their values, in the table's order. An empty value counts as not set."""
    return {known: value for known in variables() if (value := environment.get(known.name))}


def others_set(environment: Mapping[str, str]) -> dict[str, str]:
    """Those that begin as a library's do and are not in the table, by name.

    Without truetpot's own, and those that only say where something lies.
    """
    skipped = tuple(read("variables.toml")[_NAMES]["places"])
    known = {variable.name for variable in variables()}
    return {
        name: value
        for name, value in sorted(environment.items())
        if value
        and name.startswith(prefixes())
        and name not in known
        and not name.startswith(_OWN)
        and not name.endswith(skipped)
    }


def recorded(environment: Mapping[str, str]) -> dict[str, str]:
    """What a record keeps, by name: every known variable and every one with a library's prefix."""
    named = {variable.name for variable in variables()}
    return {
        name: value
        for name, value in sorted(environment.items())
        if name in named or name.startswith(prefixes())
    }
