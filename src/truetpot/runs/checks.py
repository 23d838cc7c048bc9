"""Every kernel of a step is checked before the step is timed: a wrong kernel has no time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from truetpot.decode.fuse import fused_program
from truetpot.decode.preference import Preference
from truetpot.decode.program import Call
from truetpot.errors import KernelError
from truetpot.facts.models import Model
from truetpot.facts.workload import Workload
from truetpot.measure.check import anywhere, check
from truetpot.ops import Case
from truetpot.ops.guard import foreign, guarded, who
from truetpot.ops.registry import REGISTRY

CHECKED_ROWS = 2048
"""Rows of a weight or table that a check is content with: the loop over them is the same."""


def wrong_kernels(
    model: Model,
    shape: Workload,
    preference: Preference,
    advance: Callable[[float, float], None],
    foreign_only: bool = False,
) -> list[str]:
    """One line for each kernel of the step that is wrong, each checked on a case like its own.

    The case has fewer rows (:data:`CHECKED_ROWS`): seconds, for a model of any size.
    ``foreign_only`` leaves out the package's own kernels.

    Raises UserError where no given provider has a kernel.
    """
    program = fused_program(model, shape, preference.rank, preference.composites())
    distinct: dict[tuple[str, Case], Call] = {}
    for call in program.calls:
        distinct.setdefault((call.op.name, call.case), call)
    wrong = [f"{name} is wrong: {fault}" for name, fault in preference.faults.items()]
    for i, call in enumerate(distinct.values()):
        place = preference.rank(call.op, call.case)
        if place is None:
            preference.build(call)  # raises, with every provider's reason
            continue
        provider = preference.providers[place]
        if foreign_only and not _foreign(call, provider, preference):
            continue
        if reason := _fault(call, provider, preference):
            wrong.append(f"{provider} {call.op.name} ({call.case.label()}) is wrong: {reason}")
        preference.device.group.progress()
        advance(i + 1, len(distinct))
    return wrong


def _foreign(call: Call, provider: str, preference: Preference) -> bool:
    kernel = REGISTRY.find(call.op.name, provider, call.case, preference.device)
    return not isinstance(kernel, str) and foreign(kernel)


def _fault(call: Call, provider: str, preference: Preference) -> str:
    """What is wrong with the kernel; empty when nothing is."""
    device, case, op = preference.device, call.op.reduced(call.case, CHECKED_ROWS), call.op.name
    whole = REGISTRY.find(op, provider, call.case, device)
    if isinstance(whole, str):  # it was there when the step was planned
        return whole
    # on several ranks the same case: of a collective, all have to be of one size
    if not device.group.least(REGISTRY.find(op, provider, case, device) is whole):
        case = call.case
    # the step's launch parameters, which are tuned for the case that it has
    wrong = ""
    try:
        with guarded(who=who(whole, case)):
            kernel = whole.make(case, device, **whole.usual(call.case, device).config)
    except KernelError as fault:
        wrong = str(fault)
    if wrong := anywhere(call.op, wrong, device.group):
        return wrong
    return check(kernel, case, np.random.default_rng(0)).reason
