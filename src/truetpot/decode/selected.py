"""A step with its kernels chosen: fused once, then checked, built and timed as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from truetpot.decode.fuse import fused_program
from truetpot.decode.preference import Preference
from truetpot.decode.program import Call, Program
from truetpot.facts.models import Model
from truetpot.facts.workload import Workload
from truetpot.ops import Case
from truetpot.ops.registry import Kernel
from truetpot.ops.selection import Selection
from truetpot.runtime.device import Device


@dataclass(frozen=True)
class SelectedStep:
    """The step's program on a device, and who runs each of its calls."""

    program: Program
    device: Device
    selections: Mapping[tuple[str, Case], Selection]
    """By operator and case; each has a kernel."""
    faults: Mapping[str, str]
    """Kernels that raised when they were asked for a case, and what."""

    def kernel(self, call: Call) -> type[Kernel]:
        """The kernel class of a call."""
        return self.selections[call.op.name, call.case].required

    def build(self, call: Call) -> Kernel:
        """A new kernel object for a call. Raises KernelError where it cannot be made."""
        return self.selections[call.op.name, call.case].make(self.device)


def select_step(model: Model, shape: Workload, preference: Preference) -> SelectedStep:
    """The step of `model` at `shape`, with as few calls as the preferred providers allow.

    Raises UserError for a shape the model does not have, and with every provider's reason for a
    call that none of them runs.
    """
    program = fused_program(model, shape, preference.rank, preference.composites())
    selections = {
        (call.op.name, call.case): preference.required(call.op, call.case) for call in program.calls
    }
    return SelectedStep(program, preference.device, selections, dict(preference.faults))
