"""Every kernel of a step is checked before the step is timed: a wrong kernel has no time."""

from __future__ import annotations

from collections.abc import Callable

from truetpot.decode.program import Call
from truetpot.decode.selected import SelectedStep
from truetpot.errors import KernelError
from truetpot.measure.check import anywhere
from truetpot.measure.prepared import PreparedCase
from truetpot.ops import Case
from truetpot.ops.guard import foreign, guarded, named, who
from truetpot.ops.registry import REGISTRY, Kernel
from truetpot.runtime.device import Device

CHECKED_ROWS = 2048
"""Rows of a weight or table that a check is content with: the loop over them is the same."""


def wrong_kernels(
    step: SelectedStep, advance: Callable[[float, float], None], foreign_only: bool = False
) -> list[str]:
    """One line for each kernel of the step that is wrong, each checked on a case like its own.

    The case has fewer rows (:data:`CHECKED_ROWS`): seconds, for a model of any size.
    ``foreign_only`` leaves out the package's own kernels.
    """
    distinct: dict[tuple[str, Case], Call] = {}
    for call in step.program.calls:
        distinct.setdefault((call.op.name, call.case), call)
    wrong = [f"{name} is wrong: {fault}" for name, fault in step.faults.items()]
    for i, call in enumerate(distinct.values()):
        kernel = step.kernel(call)
        if foreign_only and not foreign(kernel):
            continue
        if reason := _fault(call, kernel, step.device):
            wrong.append(f"{named(kernel, call.case)} is wrong: {reason}")
        step.device.group.progress()
        advance(i + 1, len(distinct))
    return wrong


def _fault(call: Call, kernel: type[Kernel], device: Device) -> str:
    """What is wrong with the kernel; empty when nothing is."""
    case = call.op.reduced(call.case, CHECKED_ROWS)
    # on several ranks the same case: of a collective, all have to be of one size
    fewer = REGISTRY.choose(call.op.name, case, device, kernel.provider)
    if not device.group.least(fewer.kernel is kernel):
        case = call.case
    # the step's launch parameters, which are tuned for the case that it has
    wrong = ""
    try:
        with guarded(who=who(kernel, case)):
            made = kernel.make(case, device, **kernel.usual(call.case, device).config)
    except KernelError as fault:
        wrong = str(fault)
    if wrong := anywhere(call.op, wrong, device.group):
        return wrong
    return PreparedCase(call.op, case, device).check(made).reason
