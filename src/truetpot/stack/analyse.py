"""One file as runs, a device each: steps, roles, the rung, losses and doubts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from truetpot.records.stack import Role, StepPhase
from truetpot.records.trace import TracedRun, TracedStep, TraceFinding
from truetpot.records.verdicts import Severity
from truetpot.stack.beside import Beside
from truetpot.stack.by_role import (
    Entry,
    by_role,
    entries,
    placed_by_time,
    summary_entries,
)
from truetpot.stack.clean import cleaned, doubts
from truetpot.stack.findings import finding
from truetpot.stack.judge import judge
from truetpot.stack.losses import losses
from truetpot.stack.ranks import Collectives, collectives
from truetpot.stack.roles import called_once
from truetpot.stack.rung import members, stack_rung
from truetpot.stack.spent import Spent, StepCost, spend, step_costs
from truetpot.stack.steps import Cuts, FoundBy, Said, find_steps
from truetpot.stack.trace import Kernels, Trace
from truetpot.stack.yardstick import Yardstick

STEPS_SHOWN = 64


@dataclass(frozen=True)
class Given:
    """What the user gives beside the file: a yardstick, tokens a step."""

    yardstick: Yardstick | None = None
    tokens: float | None = None
    """That a step yields to each sequence."""


@dataclass(frozen=True)
class Yield:
    """Tokens of a step to each sequence, its sequences, and where that is from."""

    tokens: float
    source: str
    batch: int | None
    per: Literal["token", "step"] = "token"
    """``step`` where one yields several and the trace does not tell how many."""


def analyse(trace: Trace, path: Path, given: Given) -> list[TracedRun]:
    """The runs of a file, a device each; one for a summary."""
    return [run for run, _ in analyse_ranks(trace, path, given)]


def analyse_ranks(trace: Trace, path: Path, given: Given) -> list[tuple[TracedRun, Collectives]]:
    """The same with the collectives of each, to be held against other ranks'."""
    kernels, found = cleaned(trace)
    if kernels is None or not len(kernels):
        none = Collectives((), np.empty(0), np.empty(0, bool))
        return [(_of_summary(trace, path, given, found), none)]
    runs = []
    for device in np.unique(kernels.device):
        own = kernels.take(kernels.device == device)
        runs.append(_of_device(trace, path, given, own, int(device), found))
    return runs


def _of_device(
    trace: Trace,
    path: Path,
    given: Given,
    kernels: Kernels,
    device: int,
    found: list[TraceFinding],
) -> tuple[TracedRun, Collectives]:
    timed, more = doubts(kernels, trace.dependent_launches)
    cuts = find_steps(kernels, trace.marks, called_once(kernels.names))
    shapes = {} if given.yardstick is None else given.yardstick.shapes
    spent = spend(kernels, cuts, shapes, timed)
    if cuts is None:
        text = "The kernels of a step do not repeat, and no range marks one."
        more.append(finding("no-steps", text))
    elif _are_layers(cuts, spent):
        text = f"{len(cuts):,} times the same, with one run of attention: a layer and no step."
        more.append(finding("no-steps", text))
        cuts, spent = None, spend(kernels, None, shapes, timed)
    steps = [] if cuts is None else step_costs(spent, cuts)
    used = [one for one in steps if one.used]
    told = _yield(_rows(kernels, steps), given, [] if cuts is None else _said(cuts, steps))
    layers = _layers(spent.layers, used)
    which = members(used) if used else np.arange(len(kernels))
    beside = Beside(given.yardstick, layers, told.tokens if used else 1.0)
    named = placed_by_time(entries(spent, which), given.yardstick, layers)
    roles = by_role(named, len(used) or 1, beside)
    rung = stack_rung(spent, used, told.tokens)
    findings = [*found, *more, *judge(trace, steps, rung, roles, named, beside)]
    per = told.per if used else "file"
    name = trace.devices[device] if device < len(trace.devices) else str(device)
    run = TracedRun(
        file=str(path), format=trace.format, device=name, rank=trace.rank,
        kernels=len(kernels),
        steps_by="" if cuts is None else cuts.by.value,
        steps=[_step(one) for one in steps[:STEPS_SHOWN]],
        decode_steps=sum(one.phase == StepPhase.DECODE for one in steps),
        prefill_steps=sum(one.phase == StepPhase.PREFILL for one in steps),
        other_steps=sum(one.phase == StepPhase.OTHER for one in steps),
        used_steps=len(used), layers=layers,
        layers_total=None if given.yardstick is None else given.yardstick.model.layers,
        tokens=beside.tokens, tokens_from=told.source, batch=told.batch,
        per=per, stack=rung, step_ms=beside.step_ms,
        busy_ms=sum(row.ms for row in roles), floor_ms=beside.floor_ms, roles=roles,
        losses=losses(rung, roles if used else [], per, beside.tokens),
        findings=ordered(findings), valid=_valid(findings),
    )  # fmt: skip
    return run, collectives(spent, used)


def _of_summary(trace: Trace, path: Path, given: Given, found: list[TraceFinding]) -> TracedRun:
    shapes = {} if given.yardstick is None else given.yardstick.shapes
    named: list[Entry] = summary_entries(trace.summary, shapes)
    steps = float(trace.blocks or 1)
    layers = _summary_layers(named, steps) if trace.blocks else 0
    named = placed_by_time(named, given.yardstick, layers)
    told = _yield(None, given)
    beside = Beside(given.yardstick, layers, told.tokens if trace.blocks else 1.0)
    roles = by_role(named, steps, beside)
    findings = [*found]
    if trace.summary:
        findings += judge(trace, [], None, roles, named, beside)
    per = told.per if trace.blocks else "file"
    return TracedRun(
        file=str(path), format=trace.format,
        device=trace.devices[0] if trace.devices else "0", rank=trace.rank,
        kernels=sum(row.calls for row in trace.summary),
        steps_by="block" if trace.blocks else "", steps=[],
        decode_steps=trace.blocks or 0, prefill_steps=0, other_steps=0,
        used_steps=trace.blocks or 0, layers=layers,
        layers_total=None if given.yardstick is None else given.yardstick.model.layers,
        tokens=beside.tokens, tokens_from=told.source, batch=told.batch, per=per,
        stack=None, step_ms=beside.step_ms,
        busy_ms=sum(row.ms for row in roles), floor_ms=beside.floor_ms, roles=roles,
        losses=losses(None, roles if trace.blocks else [], per, beside.tokens),
        findings=ordered(findings), valid=_valid(findings),
    )  # fmt: skip


def ordered(findings: Sequence[TraceFinding]) -> list[TraceFinding]:
    """Findings by severity, the worst first, each once."""
    once = {(one.id, one.evidence): one for one in findings}
    return sorted(once.values(), key=lambda one: -one.severity.position)


def _valid(findings: Sequence[TraceFinding]) -> bool:
    return all(one.severity < Severity.ERROR for one in findings)


def _step(one: StepCost) -> TracedStep:
    timed = one.period_s is not None
    return TracedStep(
        phase=one.phase, start_ms=one.start_s * 1e3,
        period_ms=None if one.period_s is None else one.period_s * 1e3,
        busy_ms=one.busy_s * 1e3, gap_ms=one.gap_s * 1e3 if timed else None,
        kernels=one.at.stop - one.at.start, launches=one.launches, used=one.used,
        disturbed=one.disturbed,
    )  # fmt: skip


def _are_layers(cuts: Cuts, spent: Spent) -> bool:
    """Whether what repeats is a layer: no model that anybody traces has one alone."""
    if cuts.by == FoundBy.ANNOTATION:
        return False
    return float(np.median([spent.layers[int(first)] for first in cuts.at[:-1]])) == 1


def _layers(by_first: dict[int, int], used: Sequence[StepCost]) -> int:
    return int(np.median([by_first[one.at.start] for one in used])) if used else 0


def _summary_layers(named: Sequence[Entry], steps: float) -> int:
    """Calls of the most frequent attention kernel a step."""
    calls = [one.calls / steps for one in named if one.role == Role.ATTENTION]
    return round(max(calls, default=0))


def _yield(rows: int | None, given: Given, said: Sequence[Said] = ()) -> Yield:
    """Tokens to a sequence: as given, else one; of several query tokens the times are a step's.

    ``rows`` are those of the products. What the program marks (``said``) are the query tokens of
    a step: with speculative decoding those to verify, of which a part is accepted.
    """
    yardstick = given.yardstick
    batch = None if yardstick is None else yardstick.batch
    queries = 1.0 if yardstick is None else float(yardstick.query_tokens)
    if said:
        queries = float(np.median([one.tokens / one.sequences for one in said]))
        batch = max(1, round(float(np.median([one.sequences for one in said]))))
    elif queries == 1:
        batch = batch or rows
    if given.tokens is not None:
        return Yield(given.tokens, "given", batch)
    if queries > 1:
        source = (
            f"one, so times are of a step: it has {queries:g} query tokens a sequence, and how "
            "many are accepted no trace tells; give --tokens"
        )
        return Yield(1.0, source, batch, "step")
    if said:
        return Yield(1.0, "the program's marks", batch)
    if rows:
        return Yield(1.0, f"one for each of {rows} rows of the products", batch)
    return Yield(1.0, "one, as nothing says otherwise", batch)


def _said(cuts: Cuts, steps: Sequence[StepCost]) -> list[Said]:
    """What the program says of the steps used, where it counts their sequences."""
    pairs = zip(cuts.said, steps, strict=True)
    return [said for said, one in pairs if one.used and said is not None and said.sequences]


def _rows(kernels: Kernels, steps: Sequence[StepCost]) -> int | None:
    """Rows of the products of a decode step, where shapes are known."""
    used = next((one for one in steps if one.used), None)
    if used is None:
        return None
    shapes = np.unique(kernels.gemm[used.at])
    rows = [kernels.gemms[i].m for i in shapes if i >= 0]
    return max(rows, default=None)
