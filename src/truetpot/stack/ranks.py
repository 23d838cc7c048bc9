"""Several ranks of one run: what of a collective is waiting for the last rank to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from truetpot.records.stack import Role
from truetpot.records.trace import TracedRun
from truetpot.stack.findings import finding, limit
from truetpot.stack.losses import losses
from truetpot.stack.spent import ROLES, Spent, StepCost

_WAITING = "waiting-collectives"


@dataclass(frozen=True)
class Collectives:
    """The collectives of one rank, in their order."""

    names: tuple[str, ...]
    duration_s: np.ndarray
    used: np.ndarray
    """Whether a step that the rung is made of has it."""


def collectives(spent: Spent, used: Sequence[StepCost]) -> Collectives:
    """All collectives that one device ran, and which the rung has."""
    which = np.flatnonzero(spent.role == ROLES.index(Role.COLLECTIVE))
    inside = np.zeros(len(which), bool)
    for one in used:
        inside |= (which >= one.at.start) & (which < one.at.stop)
    kernels = spent.kernels
    names = tuple(kernels.names[i] for i in kernels.name[which])
    return Collectives(names, kernels.duration_s[which], inside)


def across(found: Sequence[tuple[TracedRun, Collectives]]) -> list[TracedRun]:
    """The runs; of ranks that ran the same collectives, with the waiting inside each.

    A collective ends on all ranks together, so its shortest time is that of the rank that came
    last: what another takes beyond it, it waits. Traces whose collectives are not the same, in
    number and order, stay as they are.
    """
    runs = [run for run, _ in found]
    ranks = {run.rank for run in runs}
    same = len({one.names for _, one in found}) == 1
    if len(found) < 2 or not same or len(ranks) < len(found) or not found[0][1].names:
        return runs
    if any(run.rank is None or run.stack is None for run in runs):
        return runs
    least = np.min([one.duration_s for _, one in found], axis=0)
    waits = [
        float((one.duration_s - least)[one.used].sum()) * 1e3 / run.used_steps / run.tokens
        for run, one in found
    ]
    last = runs[int(np.argmin(waits))]
    text = ", ".join(f"rank {run.rank} {ms:.3f} ms" for run, ms in zip(runs, waits, strict=True))
    evidence = f"Waiting a token: {text}; rank {last.rank} comes last."
    return [_with_waiting(run, ms, evidence) for run, ms in zip(runs, waits, strict=True)]


def _with_waiting(run: TracedRun, waiting_ms: float, evidence: str) -> TracedRun:
    assert run.stack is not None
    rung = msgspec.structs.replace(run.stack, waiting_ms=waiting_ms)
    findings = [one for one in run.findings if one.id != _WAITING]
    if rung.collectives_ms and waiting_ms / rung.collectives_ms > limit(_WAITING):
        findings.append(finding(_WAITING, evidence))
    return msgspec.structs.replace(
        run, stack=rung, findings=findings, losses=losses(rung, run.roles, run.per, run.tokens)
    )
