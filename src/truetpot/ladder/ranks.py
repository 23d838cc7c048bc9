"""Several ranks' ladders as one: the slowest decides, and communication is a term of its own."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from truetpot.ladder.communication import exposed_ms
from truetpot.ladder.losses import losses, share_of_ceiling
from truetpot.records.rungs import Communication, Ladder, RankRow, Rung, Rungs

SKEW = 1.05
"""A rank whose kernels take so much longer than the fastest's is named."""


def merged(ladders: Sequence[Ladder], rows: Sequence[RankRow]) -> Ladder:
    """The ladder of all ranks, by rank, each rung the slowest's.

    A step ends when its last rank does, so no faster rank makes it faster.
    """
    first = ladders[0]
    rungs = Rungs(**{name: _slowest(name, ladders) for name, _ in first.rungs.present()})
    by_kernels = max(range(len(rows)), key=lambda i: rows[i].kernels_ms)
    warnings = [*first.warnings]
    for row, ladder in zip(rows[1:], ladders[1:], strict=True):
        warnings += [f"rank {row.rank}: {w}" for w in ladder.warnings if w not in first.warnings]
    if (slow := skew(rows)) is not None:
        warnings.append(slow)
    return replace(
        first,
        rungs=rungs,
        losses=losses(rungs),
        operators=ladders[by_kernels].operators,
        share_of_ceiling=share_of_ceiling(rungs),
        valid=all(ladder.valid for ladder in ladders),
        warnings=tuple(warnings),
        ranks=tuple(rows),
        communication=_communication(first.communication, rungs, rows),
    )


def skew(rows: Sequence[RankRow]) -> str | None:
    """The slow card by name, if one is: :data:`SKEW` times the fastest's kernels or more."""
    slow = max(rows, key=lambda row: row.kernels_ms)
    fast = min(rows, key=lambda row: row.kernels_ms)
    if slow.kernels_ms / fast.kernels_ms < SKEW:
        return None
    condition = slow.condition()
    return (
        f"rank {slow.rank} is slow ({slow.who()}{'; ' + condition if condition else ''}): its "
        f"kernels take {slow.kernels_ms / fast.kernels_ms:.2f} times those of rank {fast.rank}"
    )


def _slowest(name: str, ladders: Sequence[Ladder]) -> Rung:
    """The largest of the ranks' rungs of a name; its source says whose it is."""
    there = [
        (rank, rung)
        for rank, ladder in enumerate(ladders)
        if (rung := ladder.rungs.get(name)) is not None
    ]
    rank, rung = max(there, key=lambda pair: pair[1].ms_per_token)
    if name == "spec":
        return rung
    return replace(rung, source=f"rank {rank}, the slowest: {rung.source}")


def _communication(
    first: Communication | None, rungs: Rungs, rows: Sequence[RankRow]
) -> Communication | None:
    if first is None or rungs.step is None or rungs.kernels is None:
        return first
    return replace(
        first,
        alone_ms=max(row.collectives_ms for row in rows),
        exposed_ms=exposed_ms(rungs.step.ms_per_token, rungs.kernels.ms_per_token),
    )
