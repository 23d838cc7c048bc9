"""What is found out about one configuration, and about a case as a whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from truetpot.measure.entrant import Entrant
from truetpot.ops.operator import Case
from truetpot.ops.registry import Config


@dataclass(frozen=True)
class Figures:
    """One configuration in a race with the default and the read ceiling. Times in seconds."""

    config: Config
    reason: str = ""
    """Why it has no time: it does not compile, is wrong, or a sample of it is impossible."""
    median_s: float | None = None
    gain: float | None = None
    """The default's time over this one's, round by round, the median."""
    gain_ci: tuple[float, float] | None = None
    """95 %."""
    share_of_ceiling: float | None = None
    """None where the inputs may come out of a cache."""

    @classmethod
    def of(
        cls, config: Config, entrant: Entrant, default: Entrant, ceiling: Entrant, cache: str
    ) -> Self:
        """From a race of the three."""
        if impossible := entrant.impossible():
            return cls(config, impossible)
        gain = default.over(entrant)
        return cls(
            config,
            median_s=entrant.stats.median_s,
            gain=gain.median,
            gain_ci=(gain.low, gain.high),
            share_of_ceiling=entrant.share_of(ceiling).median if cache == "rotated" else None,
        )

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """As ``asdict`` and JSON leave it. Raises TypeError for anything else."""
        interval = fields.get("gain_ci")
        return cls(**{**fields, "gain_ci": tuple(interval) if interval else None})


@dataclass(frozen=True)
class Found:
    """The end of a search: the default and the best, timed in one race."""

    default: Figures
    best: Figures
    """The default again where nothing beats it beyond the interval of the gain."""
    when: str
    """UTC."""

    @property
    def improved(self) -> bool:
        """Whether another configuration than the default won."""
        return self.best.config != self.default.config

    def to_json(self) -> dict[str, Any]:
        """For :meth:`from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Raises TypeError or KeyError for what :meth:`to_json` did not make."""
        best, default = (Figures.from_json(fields[name]) for name in ("best", "default"))
        return cls(default, best, fields["when"])


@dataclass
class Tuned:
    """One kernel on one case. ``status``: tuned, default, wrong, skipped, partial."""

    op: str
    case: Case
    roles: tuple[str, ...]
    provider: str
    status: str = "skipped"
    reason: str = ""
    found: Found | None = None
    looks: list[Figures] = field(default_factory=list)
    """Every configuration but the default, as a short look saw it."""

    def to_json(self) -> dict[str, Any]:
        """The record: seconds; null where there is no figure."""
        found = self.found
        best = None if found is None else found.best
        return {
            "op": self.op,
            "case": self.case.label(),
            "format": self.case.format,
            "roles": list(self.roles),
            "provider": self.provider,
            "status": self.status,
            "reason": self.reason,
            "when": None if found is None else found.when,
            "default": None if found is None else asdict(found.default),
            "best": None if best is None else asdict(best),
            "looks": [asdict(look) for look in self.looks],
        }
