"""The rung ``stack``: where a token's time went, of which the parts add up to the whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from truetpot.records.stack import Role
from truetpot.records.trace import StackRung
from truetpot.stack.spent import ROLES, Spent, StepCost

_COLLECTIVE, _COPY = ROLES.index(Role.COLLECTIVE), ROLES.index(Role.COPY)


def stack_rung(spent: Spent, used: Sequence[StepCost], tokens: float) -> StackRung | None:
    """The mean of the steps used, per token; None without times of day or without steps.

    ``tokens`` are those that a step yields to each of its sequences.
    """
    periods = [one.period_s for one in used if one.period_s is not None]
    if not spent.timed or not periods or len(periods) != len(used):
        return None
    which = members(used)
    role, own = spent.role[which], spent.own_s[which]
    steps = len(used) * tokens * 1e-3
    gap = spent.gap_s[which].copy()
    for one in used:
        if one.open_end:  # its pause after the last kernel is not in its period
            gap[np.searchsorted(which, one.at.stop - 1)] = 0.0
    late, told = spent.late[which], spent.told[which]
    collective, copy = role == _COLLECTIVE, role == _COPY
    parts = {
        "kernels_ms": float(own[~collective & ~copy].sum()),
        "collectives_ms": float(own[collective].sum()),
        "copies_ms": float(own[copy].sum()),
        "gap_host_ms": float(gap[told & late].sum()),
        "gap_queued_ms": float(gap[told & ~late].sum()),
    }
    whole = float(sum(periods))
    launches = [one.launches for one in used if one.launches is not None]
    ms = {name: seconds / steps for name, seconds in parts.items()}
    return StackRung(
        ms_per_token=whole / steps,
        **ms,
        unexplained_ms=(whole - sum(parts.values())) / steps,
        waiting_ms=_waiting(spent, which[collective]) / steps if collective.any() else None,
        launches=sum(launches) / len(launches) / tokens if len(launches) == len(used) else None,
    )


def members(used: Sequence[StepCost]) -> np.ndarray:
    """Positions of all kernels of some steps, ascending."""
    empty = np.empty(0, dtype=np.int64)
    return np.concatenate([empty, *(np.arange(one.at.start, one.at.stop) for one in used)])


def _waiting(spent: Spent, which: np.ndarray) -> float:
    """Seconds of collectives beyond the fastest of the same name and grid."""
    kernels, waiting = spent.kernels, 0.0
    kinds = np.stack([kernels.name[which], kernels.grid[which]])
    numbers = np.unique(kinds, axis=1, return_inverse=True)[1].reshape(-1)
    for kind in range(int(numbers.max()) + 1):
        same = kernels.duration_s[which[numbers == kind]]
        waiting += float((same - same.min()).sum())
    return waiting
