"""What the ranks of one run have to say to each other beside the measurement."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from truetpot.errors import UserError
from truetpot.ladder import merged
from truetpot.records.rungs import Ladder, RankRow
from truetpot.runs.decode_outcome import Outcome
from truetpot.runtime.group import Group


class RanksDifferError(UserError):
    """What every rank says alike."""


def check_same(group: Group, about: Mapping[str, str]) -> None:
    """Raise UserError, on every rank, if one was started otherwise than rank 0."""
    ranks = group.gather(dict(about))
    for rank, one in enumerate(ranks):
        for name, value in one.items():
            if value != ranks[0].get(name):
                raise RanksDifferError(
                    f"rank {rank} has {name} {value} and rank 0 {ranks[0].get(name)}; start all "
                    "ranks with the same command and the same installation."
                )


def of_ranks(sentences: list[str], group: Group) -> list[str]:
    """Those of all ranks, each once."""
    ranks = group.gather(sentences)
    if len(ranks) == 1:
        return sentences
    said = [(s, rank) for rank, own in enumerate(ranks) for s in own]
    return list(dict.fromkeys(f"rank {rank}: {s}" for s, rank in said))


def all_ranks(outcome: Outcome) -> Ladder | None:
    """The ranks' ladders as one, on every rank; None for one rank."""
    group, device = outcome.group, outcome.request.setting.device
    if group.size == 1 or outcome.timings is None or outcome.ceiling is None:
        return None
    mine, timings = outcome.own_ladder(), outcome.timings
    identity = outcome.opening.environment.device
    talk = mine.communication
    assert mine.rungs.kernels is not None and mine.rungs.step is not None
    row = RankRow(
        rank=group.rank,
        host=socket.gethostname(),
        device=device.name,
        name=str(identity["name"]),
        uuid=identity.get("uuid"),
        pci_address=identity.get("pci_address"),
        kernels_ms=mine.rungs.kernels.ms_per_token,
        collectives_ms=0.0 if talk is None else talk.alone_ms,
        step_ms=mine.rungs.step.ms_per_token,
        ceiling_gb_s=timings.ceiling.bandwidth / 1e9,
        state=device.state(),
    )
    found = group.gather((mine, row))
    return merged([ladder for ladder, _ in found], [row for _, row in found])
