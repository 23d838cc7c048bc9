"""What there is to tune of a provider's kernel, over several cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tunable:
    """A provider's kernel of an operator, over the cases that were asked for."""

    op: str
    provider: str
    counts: list[int] = field(default_factory=list)
    """Configurations of each case that has several."""
    values: dict[str, list[Any]] = field(default_factory=dict)
    """Of each parameter, the default's first."""
    withheld: dict[str, str] = field(default_factory=dict)
    """Why values are not offered on this device."""
    reasons: list[str] = field(default_factory=list)
    """Why cases have nothing to tune."""

    @property
    def count(self) -> str:
        """``54``, or ``54 to 120`` where cases differ."""
        if not self.counts:
            return "0"
        least, most = min(self.counts), max(self.counts)
        return str(most) if least == most else f"{least} to {most}"

    @property
    def about(self) -> str:
        """Parameters with their values, and what is not offered; else why there is nothing."""
        if not self.counts:
            return "; ".join(dict.fromkeys(self.reasons))
        values = (f"{one} ({', '.join(map(str, some))})" for one, some in self.values.items())
        without = (f"not {what}: {reason}" for what, reason in self.withheld.items())
        return "; ".join([", ".join(values), *without])
