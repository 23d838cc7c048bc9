"""What each kernel of a step cost: its role, its exclusive time, and the pause after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from truetpot.records.stack import PlacedBy, Role, StepPhase
from truetpot.stack.assign import Assigned, assign
from truetpot.stack.exclusive import exclusive_s
from truetpot.stack.findings import limit
from truetpot.stack.roles import class_of, rule_of
from truetpot.stack.steps import Cuts
from truetpot.stack.trace import Kernels, Work

ROLES = tuple(Role)
PLACED = tuple(PlacedBy)
SAME = 0.05
"""Steps whose busy time differs by less have the same work."""
ALIKE = 0.2
"""A step with so many more or fewer kernels than the others is another one."""
LONGER = 3.0
"""A step whose kernels take so many times the median is no decode step of the same kind."""
ROWS = 4
"""A product of so many times the rows of the smallest step's computes a prompt."""


@dataclass(frozen=True)
class Spent:
    """Columns beside those of the kernels of one device [n], and its steps."""

    kernels: Kernels
    role: np.ndarray
    """Into ROLES."""
    by: np.ndarray
    """Into PLACED."""
    own_s: np.ndarray
    """Exclusive time; the whole duration where there are no starts."""
    gap_s: np.ndarray
    """Pause of the whole device until the next kernel; zero where there are no starts."""
    late: np.ndarray
    """Whether the next kernel was submitted in that pause, after this kernel's end."""
    told: np.ndarray
    """Whether the trace tells when the next was submitted."""
    timed: bool

    layers: dict[int, int]
    """Runs of attention in a step, by the step's first kernel."""


def spend(
    kernels: Kernels, cuts: Cuts | None, shapes: dict[tuple[int, int], str], timed: bool
) -> Spent:
    """Roles by name, shape and position, a step at a time; of steps that are alike, once."""
    classes = [class_of(name) for name in kernels.names]
    role, by = np.empty(len(kernels), np.int8), np.empty(len(kernels), np.int8)
    seen: dict[bytes, tuple[list[int], list[int], int]] = {}
    layers: dict[int, int] = {}
    edges = [0, len(kernels)] if cuts is None else [0, *map(int, cuts.at), len(kernels)]
    for first, last in pairwise(edges):
        at = slice(first, last)
        key = kernels.name[at].tobytes() + kernels.gemm[at].tobytes()
        if key not in seen:
            found = _assigned(kernels, at, classes, shapes)
            numbers = [ROLES.index(Role(one)) for one in found.roles]
            seen[key] = numbers, [PLACED.index(one) for one in found.by], found.layers
        role[at], by[at], layers[first] = seen[key]
    own, gap = kernels.duration_s.copy(), np.zeros(len(kernels))
    late, told = np.zeros(len(kernels), bool), np.zeros(len(kernels), bool)
    if timed and len(kernels):
        beside = np.isin(role, [ROLES.index(Role.COLLECTIVE), ROLES.index(Role.COPY)])
        own = exclusive_s(kernels.start_s, kernels.duration_s, beside.astype(np.int8))
        ends = np.maximum.accumulate(kernels.end_s)
        gap[:-1] = np.maximum(0, kernels.start_s[1:] - ends[:-1])
        told[:-1] = np.isfinite(kernels.submitted_s[1:])
        late[:-1] = told[:-1] & (kernels.submitted_s[1:] > ends[:-1])
    return Spent(kernels, role, by, own, gap, late, told, timed, layers)


def _assigned(
    kernels: Kernels, at: slice, classes: list[str], shapes: dict[tuple[int, int], str]
) -> Assigned:
    works = kernels.work[at]
    named = [
        Role.COPY if work != Work.KERNEL else classes[name]
        for name, work in zip(kernels.name[at], works, strict=True)
    ]
    gemms = [kernels.gemms[i] if i >= 0 else None for i in kernels.gemm[at]]
    return assign(named, gemms, shapes)


@dataclass(frozen=True)
class StepCost:
    """What one step of a device cost, in seconds."""

    at: slice
    phase: StepPhase
    start_s: float
    period_s: float | None
    busy_s: float
    gap_s: float
    launches: int | None
    open_end: bool
    """The last of the trace: what comes between it and the next step is not known."""
    disturbed: bool = False
    used: bool = False


def step_costs(spent: Spent, cuts: Cuts) -> list[StepCost]:
    """Every step, with its phase, and which of them the rung is made of."""
    kernels, found = spent.kernels, []
    edges = [int(one) for one in cuts.at]
    phases = _phases(spent, cuts, edges)
    for i, (first, last) in enumerate(pairwise(edges)):
        at, final = slice(first, last), last >= len(kernels)
        period = None
        if spent.timed:
            end = kernels.end_s[at].max() if final else kernels.start_s[last]
            period = max(0.0, float(end - kernels.start_s[first]))
        launch = kernels.launch[at]
        known = launch[launch >= 0]
        found.append(
            StepCost(
                at, phases[i], float(kernels.start_s[first]) if spent.timed else 0.0, period,
                float(spent.own_s[at].sum()), float(spent.gap_s[at].sum()),
                len(np.unique(known)) if len(known) else None, final,
            )
        )  # fmt: skip
    return _chosen(found)


def _phases(spent: Spent, cuts: Cuts, edges: list[int]) -> list[StepPhase]:
    kernels = spent.kernels
    parts = [slice(a, b) for a, b in pairwise(edges)]
    counts = np.array([part.stop - part.start for part in parts], dtype=np.float64)
    busy = np.array([spent.own_s[part].sum() for part in parts])
    rows = np.array([_rows(kernels, part) for part in parts])
    prompt = _of_prompt(kernels)
    prompts = np.array([bool(prompt[kernels.name[part]].any()) for part in parts])
    told = [one is not None and one.prefill_tokens > 0 for one in cuts.said]
    known = rows[rows > 0]
    many = (rows > ROWS * known.min()) if len(known) else np.zeros(len(parts), bool)
    # what every step has tells none of them apart
    evidence = many | (prompts if not prompts.all() else False)
    kernels_a_step = np.median(counts)
    phases = []
    for i in range(len(parts)):
        if told[i] or evidence[i]:
            phases.append(StepPhase.PREFILL)
        elif cuts.said[i] is None and (
            abs(counts[i] - kernels_a_step) > ALIKE * kernels_a_step
            or busy[i] > LONGER * np.median(busy)
        ):
            phases.append(StepPhase.OTHER)
        else:
            phases.append(StepPhase.DECODE)
    return phases


def _rows(kernels: Kernels, at: slice) -> int:
    shapes = np.unique(kernels.gemm[at])
    return max((kernels.gemms[i].m for i in shapes if i >= 0), default=0)


def _of_prompt(kernels: Kernels) -> np.ndarray:
    """By name: whether a kernel computes prompts only."""
    rules = [rule_of(name) for name in kernels.names]
    return np.array([rule is not None and rule.phase == "prefill" for rule in rules], bool)


def _chosen(steps: list[StepCost]) -> list[StepCost]:
    """Which steps were disturbed, and which the rung is made of."""
    decode = [one for one in steps if one.phase == StepPhase.DECODE]
    periods = [one.period_s for one in decode if one.period_s is not None and not one.open_end]
    disturbed: set[int] = set()
    if len(decode) >= 3 and periods:
        median_s = float(np.median([one.period_s for one in decode if one.period_s is not None]))
        busy = float(np.median([one.busy_s for one in decode]))
        for one in decode:
            longer = one.period_s is not None and one.period_s > limit("disturbed-steps") * median_s
            if longer and abs(one.busy_s - busy) <= SAME * busy:
                disturbed.add(id(one))
    good = [one for one in decode if id(one) not in disturbed]
    # without times of day the last step lacks nothing
    closed = [one for one in good if not one.open_end or one.period_s is None]
    used = {id(one) for one in closed or good}
    return [replace(one, disturbed=id(one) in disturbed, used=id(one) in used) for one in steps]
