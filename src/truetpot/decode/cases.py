"""The cases of a model's decode step, each once, for kernels to be measured or checked on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from truetpot.decode.fuse import fuse
from truetpot.decode.program import decode_program
from truetpot.facts.models import Model
from truetpot.facts.workload import Workload
from truetpot.ops import Case, Composite, Operator


@dataclass(frozen=True)
class StepCase:
    """A case with the roles it plays, and how often a step calls it."""

    op: Operator
    case: Case
    roles: tuple[str, ...]
    count: int


def step_cases(model: Model, shape: Workload, composites: Iterable[Composite]) -> list[StepCase]:
    """Distinct cases of the step in the order of their first call, the composites' last.

    The step can be written with its sums apart: a composite of what then differs, as a norm, has
    another case there. What only that way calls, the sums, comes last of all, where a composite
    takes it.
    """
    composites = tuple(composites)
    parts = {part.name for one in composites for part in one.parts}
    ways = [decode_program(model, shape, apart) for apart in (False, True)]
    plain, other = ({(call.op.name, call.case) for call in way.calls} for way in ways)
    left_out = {name for name, _ in other} - {name for name, _ in plain} - parts
    if not parts & {name for name, _ in plain ^ other}:
        del ways[1]
    fused = [fuse(way, _always_first, [one]) for one in composites for way in ways]
    programs = [ways[0], *fused, *ways[1:]]
    found: dict[tuple[str, Case], StepCase] = {}
    for program in programs:
        new: dict[tuple[str, Case], StepCase] = {}
        for call in program.calls:
            key = call.op.name, call.case
            if key in found or call.op.name in left_out:
                continue
            old = new.get(key) or StepCase(call.op, call.case, (), 0)
            roles = tuple(dict.fromkeys((*old.roles, call.role)))
            new[key] = replace(old, roles=roles, count=old.count + 1)
        found |= new
    return list(found.values())


def _always_first(op: Operator, case: Case) -> int:
    """A rank under which the composite, being longer, always wins."""
    return 0
