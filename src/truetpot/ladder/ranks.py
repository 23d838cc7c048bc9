"""Several ranks' ladders as one: the slowest decides, and communication is a term of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from truetpot.ladder.rungs import Ladder, Rung, losses

SKEW = 1.05
"""A rank whose kernels take so much longer than the fastest's is named."""


@dataclass(frozen=True)
class RankRow:
    """One rank's own times, ms per token, and the state of its device right after."""

    rank: int
    host: str
    device: str
    name: str
    uuid: str | None
    pci_address: str | None
    kernels_ms: float
    collectives_ms: float
    """Each timed alone, all ranks starting at the same time."""
    step_ms: float
    ceiling_gb_s: float
    state: dict[str, Any]

    def who(self) -> str:
        """The physical device, as far as it is known."""
        where = self.pci_address or self.uuid
        return f"{self.device} on {self.host}" + (f", {where}" if where else "")

    def condition(self) -> str:
        """Clock and temperature in words; empty where the platform tells neither."""
        clock, heat = self.state.get("clock_mhz"), self.state.get("temperature_c")
        if isinstance(clock, list):
            clock = max(clock)
        parts = [f"{clock} MHz"] * (clock is not None) + [f"{heat} C"] * (heat is not None)
        return ", ".join(parts)


def merged(ladders: Sequence[Ladder], rows: Sequence[RankRow]) -> Ladder:
    """The ladder of all ranks, by rank, each rung the slowest's.

    A step ends when its last rank does, so no faster rank makes it faster.
    """
    first = ladders[0]
    rungs: dict[str, Rung] = {}
    for name in first.rungs:
        per_rank = [ladder.rungs[name] for ladder in ladders if name in ladder.rungs]
        slowest = max(range(len(per_rank)), key=lambda i: per_rank[i].ms_per_token)
        rung = per_rank[slowest]
        if name != "spec":
            rung = replace(rung, source=f"rank {slowest}, the slowest: {rung.source}")
        rungs[name] = rung
    by_kernels = max(range(len(rows)), key=lambda i: rows[i].kernels_ms)
    talk = first.communication
    if talk is not None and "step" in rungs:
        talk = replace(
            talk,
            alone_ms=max(row.collectives_ms for row in rows),
            exposed_ms=rungs["step"].ms_per_token - rungs["kernels"].ms_per_token,
        )
    warnings = [*first.warnings]
    for row, ladder in zip(rows[1:], ladders[1:], strict=True):
        warnings += [f"rank {row.rank}: {w}" for w in ladder.warnings if w not in first.warnings]
    if (slow := _skew(rows)) is not None:
        warnings.append(slow)
    return replace(
        first,
        rungs=rungs,
        losses=losses(rungs),
        operators=ladders[by_kernels].operators,
        share_of_ceiling=ladders[by_kernels].share_of_ceiling,
        valid=all(ladder.valid for ladder in ladders),
        warnings=tuple(warnings),
        ranks=tuple(rows),
        communication=talk,
    )


def _skew(rows: Sequence[RankRow]) -> str | None:
    """The slow card by name, if one is."""
    slow = max(rows, key=lambda row: row.kernels_ms)
    fast = min(rows, key=lambda row: row.kernels_ms)
    if not fast.kernels_ms or slow.kernels_ms / fast.kernels_ms < SKEW:
        return None
    condition = slow.condition()
    return (
        f"rank {slow.rank} is slow ({slow.who()}{'; ' + condition if condition else ''}): its "
        f"kernels take {slow.kernels_ms / fast.kernels_ms:.2f} times those of rank {fast.rank}"
    )
