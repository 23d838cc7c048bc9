"""The cases of a model's decode step, each once, for kernels to be measured or checked on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from truetpot.decode.fuse import fuse
from truetpot.decode.program import StepShape, decode_program
from truetpot.facts.models import Model
from truetpot.ops import ADD, Case, Composite, Operator


@dataclass(frozen=True)
class StepCase:
    """A case with the roles it plays, and how often a step calls it."""

    op: Operator
    case: Case
    roles: tuple[str, ...]
    count: int


def step_cases(
    model: Model, shape: StepShape, composites: Iterable[Composite]
) -> list[StepCase]:
    """Distinct cases of the step in the order of their first call, the composites' last.

    Last of all the sums, where one of the composites takes a step that is written with them apart.
    """
    composites = tuple(composites)
    both = any(ADD in one.parts for one in composites)
    ways = [decode_program(model, shape, apart) for apart in (False, True)[: 1 + both]]
    fused = [fuse(way, _always_first, [one]) for one in composites for way in ways]
    programs = [ways[0], *fused, *ways[1:]]
    found: dict[tuple[str, Case], StepCase] = {}
    for program in programs:
        new: dict[tuple[str, Case], StepCase] = {}
        for call in program.calls:
            key = call.op.name, call.case
            if key in found:
                continue
            old = new.get(key) or StepCase(call.op, call.case, (), 0)
            roles = tuple(dict.fromkeys((*old.roles, call.role)))
            new[key] = replace(old, roles=roles, count=old.count + 1)
        found |= new
    return list(found.values())


def _always_first(op: Operator, case: Case) -> int:
    """A rank under which the composite, being longer, always wins."""
    return 0
