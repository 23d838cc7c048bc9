"""How fast the vector engines of a GPU issue instructions; issue_rates.toml says what is what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from truetpot.facts.hardware import Hardware, load_hardware
from truetpot.facts.tables import convert, read


@dataclass(frozen=True)
class IssueRates:
    """One target's entry of ``issue_rates.toml``: what its engines issue a clock."""

    target: str
    engines_per_core: int
    clock_ghz: float
    register_bytes: int
    math_passes: int
    mach_passes: int
    dpas_passes: int
    bank_registers: int
    bundle_registers: int
    bundles: int
    sources: Mapping[str, str]
    card: str | None = None
    clpeak: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def hardware(self) -> Hardware | None:
        """The card that times are estimated for."""
        return None if self.card is None else load_hardware(self.card)

    @property
    def engines(self) -> int | None:
        """Vector engines of that card."""
        cores = None if self.hardware is None else self.hardware.xe_cores
        return None if cores is None else cores * self.engines_per_core


@cache
def all_issue_rates() -> dict[str, IssueRates]:
    """Issue rates of every target, by ocloc's name of it."""
    return {
        target: convert({"target": target, **entry}, IssueRates, f"issue_rates.toml [{target}]")
        for target, entry in read("issue_rates.toml").items()
    }
