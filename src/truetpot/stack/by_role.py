"""A line a role: its time, how it was found, and what stands beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from truetpot.records.stack import PlacedBy, Role
from truetpot.records.trace import TracedKernel, TracedRole
from truetpot.stack.assign import assign
from truetpot.stack.beside import Beside
from truetpot.stack.roles import CLASSES, GEMM, REDUCTION, class_of
from truetpot.stack.spent import PLACED, ROLES, Spent
from truetpot.stack.trace import Gemm, SummaryRow
from truetpot.stack.yardstick import Yardstick

SHOWN, SHOWN_UNKNOWN = 12, 50
NAME = 300
SLOWEST = 3.0
"""A product that takes more of a role's floor than this gets no role by its time."""
FASTER = 1.02
"""And one that is faster than this part of it."""


@dataclass(frozen=True)
class Entry:
    """All calls of one name in one role."""

    name: str
    role: str
    by: PlacedBy
    calls: float
    seconds: float
    gemm: Gemm | None = None
    read_bytes: int | None = None


def entries(spent: Spent, which: np.ndarray) -> list[Entry]:
    """Of some kernels of a device; seconds are exclusive."""
    kernels = spent.kernels
    columns = (kernels.name, spent.role, spent.by, kernels.gemm)
    keys = np.stack([column[which].astype(np.int64) for column in columns])
    kinds, where = np.unique(keys, axis=1, return_inverse=True)
    where = where.reshape(-1)
    seconds = np.bincount(where, weights=spent.own_s[which], minlength=kinds.shape[1])
    calls = np.bincount(where, minlength=kinds.shape[1])
    return [
        Entry(
            kernels.names[name], ROLES[role], PLACED[by], float(calls[i]), float(seconds[i]),
            kernels.gemms[gemm] if gemm >= 0 else None,
        )
        for i, (name, role, by, gemm) in enumerate(kinds.T)
    ]  # fmt: skip


def summary_entries(rows: Iterable[SummaryRow], shapes: dict[tuple[int, int], str]) -> list[Entry]:
    """Of a summary: by name and by shape, as it has no order."""
    found = []
    for row in rows:
        kind = Role.COPY if row.work else class_of(row.name)
        assigned = assign([kind], [row.gemm], shapes)
        role, by = assigned.roles[0], assigned.by[0]
        if kind in CLASSES and by == PlacedBy.NAME:
            role, by = (Role.GEMM if kind in (GEMM, REDUCTION) else role), PlacedBy.NOTHING
        name = f"{row.name} {row.grid}".rstrip()
        found.append(Entry(name, role, by, float(row.calls), row.total_s, row.gemm, row.read_bytes))
    return found


def placed_by_time(found: list[Entry], yardstick: Yardstick | None, layers: int) -> list[Entry]:
    """Products without shape or position: the role whose floor is nearest to their time."""
    if yardstick is None or yardstick.hardware is None:
        return found
    counts = {
        row.linear.role: row.linear.count for row in yardstick.traffic(layers or None).linears
    }
    floors = {
        role: ms / counts[role] * 1e-3
        for role, ms in yardstick.floors_ms(layers or None).items()
        if counts.get(role)
    }
    return [_by_time(one, floors) for one in found]


def _by_time(entry: Entry, floors: dict[str, float]) -> Entry:
    if entry.role != Role.GEMM or entry.by != PlacedBy.NOTHING or not entry.calls:
        return entry
    each = entry.seconds / entry.calls
    ratios = {role: each / floor for role, floor in floors.items() if floor > 0}
    fits = {role: one for role, one in ratios.items() if 1 / FASTER <= one <= SLOWEST}
    if not fits:
        return entry
    role = min(fits, key=lambda name: fits[name])
    return replace(entry, role=role, by=PlacedBy.TIME)


def by_role(found: list[Entry], steps: float, beside: Beside) -> list[TracedRole]:
    """A row a role, the longest first; times are ms a token of ``beside``, calls are of a step.

    ``steps`` are those that ``found`` is the sum of: 1, as the tokens, for the whole of a file.
    """
    total, tokens = sum(one.seconds for one in found), beside.tokens
    floors, ceilings, ours = beside.floors_ms(), beside.ceilings_ms(), beside.ours_ms()
    rows = []
    for role in dict.fromkeys(one.role for one in found):
        own = sorted((one for one in found if one.role == role), key=lambda one: -one.seconds)
        seconds = sum(one.seconds for one in own)
        most = {by: sum(one.seconds for one in own if one.by == by) for by in PlacedBy}
        our_ms, names = ours.get(role, (None, ""))
        shown = SHOWN_UNKNOWN if role == Role.UNKNOWN else SHOWN
        rows.append(
            TracedRole(
                role=Role(role),
                ms=seconds * 1e3 / steps / tokens,
                share=seconds / total if total else 0.0,
                calls=sum(one.calls for one in own) / steps,
                by=max(most, key=lambda by: most[by]),
                floor_ms=floors.get(role),
                ceiling_ms=ceilings.get(role),
                ours_ms=our_ms,
                ours=names,
                kernels=[_kernel(one, steps, tokens, beside.yardstick) for one in own[:shown]],
            )
        )
    return sorted(rows, key=lambda row: -row.ms)


def _kernel(entry: Entry, steps: float, tokens: float, yardstick: Yardstick | None) -> TracedKernel:
    least = None
    if yardstick is not None and entry.gemm is not None:
        least = yardstick.gemm_least_ms(entry.gemm)
    return TracedKernel(
        name=entry.name[:NAME], calls=entry.calls / steps,
        ms=entry.seconds * 1e3 / steps / tokens, by=entry.by,
        floor_us=None if least is None else least * 1e3, read_bytes=entry.read_bytes,
    )  # fmt: skip
