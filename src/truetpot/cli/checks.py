"""Every kernel of a step is checked before the step is timed: a wrong kernel has no time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from truetpot.cli.cases import reduced
from truetpot.decode.fuse import fused_program
from truetpot.decode.preference import Preference
from truetpot.decode.program import Call, StepShape
from truetpot.errors import UserError
from truetpot.facts.models import Model
from truetpot.measure.check import anywhere, check
from truetpot.ops import Case
from truetpot.ops.registry import REGISTRY
from truetpot.runtime.distributed.group import current


def wrong_kernels(
    model: Model,
    shape: StepShape,
    preference: Preference,
    advance: Callable[[float, float], None],
) -> list[str]:
    """One line for each kernel of the step that is wrong, each checked on a case like its own.

    The case has fewer rows (see ``reduced``), so that this takes seconds for a model of any size.
    Raises UserError where no given provider has a kernel.
    """
    program = fused_program(model, shape, preference.rank, preference.composites())
    distinct: dict[tuple[str, Case], Call] = {}
    for call in program.calls:
        distinct.setdefault((call.op.name, call.case), call)
    wrong = []
    for i, call in enumerate(distinct.values()):
        place = preference.rank(call.op, call.case)
        if place is None:
            preference.build(call)  # raises, with every provider's reason
            continue
        provider = preference.providers[place]
        if reason := _fault(call, provider, preference):
            wrong.append(f"{provider} {call.op.name} ({call.case.label()}) is wrong: {reason}")
        current().progress()
        advance(i + 1, len(distinct))
    return wrong


def _fault(call: Call, provider: str, preference: Preference) -> str:
    """What is wrong with the kernel; empty when nothing is."""
    device, case, op = preference.device, reduced(call.op, call.case), call.op.name
    whole = REGISTRY.find(op, provider, call.case, device)
    assert not isinstance(whole, str), whole
    # on several ranks the same case: of a collective, all have to be of one size
    if not current().least(REGISTRY.find(op, provider, case, device) is whole):
        case = call.case
    # the step's launch parameters, which are tuned for the case that it has
    config, wrong = whole.usual(call.case, device), ""
    try:
        kernel = whole.make(case, device, **config)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001
        # a kernel may be anyone's: whatever it raises is its fault
        wrong = f"{type(error).__name__}: {error}"
    if wrong := anywhere(call.op, wrong):
        return wrong
    return check(kernel, case, np.random.default_rng(0)).reason
