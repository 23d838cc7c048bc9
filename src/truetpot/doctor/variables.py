"""Environment variables that change what is measured: variables.toml, and those that are set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from truetpot.doctor.files import table
from truetpot.facts.tables import decode


@dataclass(frozen=True)
class Variable:
    """One of variables.toml."""

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
    """All that are known."""
    return tuple(
        decode({"name": name, **entry}, Variable, f"variables.toml [{name}]")
        for name, entry in table("variables.toml").items()
    )


def those_set(environment: Mapping[str, str]) -> dict[Variable, str]:
    """Known ones with their values, in the table's order. An empty value counts as not set."""
    return {known: value for known in variables() if (value := environment.get(known.name))}
