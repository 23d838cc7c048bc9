"""What is found out about one configuration, and about a case as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from truetpot.measure.entrant import Entrant
from truetpot.ops.operator import Case
from truetpot.ops.registry import Config
from truetpot.records.tune import Compiled, Figures, Found, TunedRow, TuneStatus
from truetpot.records.words import Cache


def figures(
    config: Config, entrant: Entrant, default: Entrant, ceiling: Entrant, cache: Cache
) -> Figures:
    """Of one configuration, from a race of the three."""
    if impossible := entrant.impossible():
        return Figures(config=config, reason=impossible)
    gain = default.over(entrant)
    return Figures(
        config=config,
        median_s=entrant.stats.median_s,
        gain=gain.median,
        gain_ci=(gain.low, gain.high),
        share_of_ceiling=entrant.share_of(ceiling).median if cache is Cache.ROTATED else None,
    )


@dataclass
class Tuned:
    """One kernel on one case."""

    op: str
    case: Case
    roles: tuple[str, ...]
    provider: str
    status: TuneStatus = TuneStatus.SKIPPED
    reason: str = ""
    found: Found | None = None
    looks: list[Figures] = field(default_factory=list)
    """Every configuration but the default, as a short look saw it."""
    configs: Sequence[Config] = ()
    """All that are legal, the default first."""
    compiled: Compiled | None = None
    """What other processes compiled."""

    def record(self) -> TunedRow:
        """Seconds; None where there is no figure."""
        found = self.found
        return TunedRow(
            op=self.op,
            case=self.case.label(),
            format=self.case.format,
            roles=list(self.roles),
            provider=self.provider,
            status=self.status,
            reason=self.reason,
            when=None if found is None else found.when,
            default=None if found is None else found.default,
            best=None if found is None else found.best,
            looks=self.looks,
            decision=None if found is None else found.decision,
            compiled=self.compiled,
        )
