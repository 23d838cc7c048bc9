"""Does a step still give after its timing what it gave before, and does each of its kernels?

Every kernel was checked against a reference on a case of fewer rows, as another object. Here it is
the object that was timed, on the step's own weights: its first calls are the ones that such a check
has seen to be right, and they are repeated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from truetpot.decode.engine import Bound, DecodeStep
from truetpot.errors import KernelError
from truetpot.measure.check import named, poison_outputs
from truetpot.measure.entrant import Entrant
from truetpot.measure.recheck import WAIT_S
from truetpot.ops import guard
from truetpot.ops.guard import guarded, who
from truetpot.ops.operator import Outputs
from truetpot.ops.packed import same_bits
from truetpot.ops.registry import Kernel
from truetpot.ops.tolerance import relative_error

CALLS = 2
"""First calls of a kernel that are kept: on one alone, an output that never changes is right."""


@dataclass(frozen=True)
class _Seen:
    """One call of a kernel before the timing: what it was given, and what it left, on the host."""

    bound: Bound
    given: dict[str, Any]
    left: Outputs


class Witness:
    """Runs the step once, and keeps what it gives. Raises KernelError, which names the kernel.

    Of several ranks each has to make one, and to ask it at the same time as the others.
    """

    def __init__(self, step: DecodeStep) -> None:
        self.step = step
        self._seen: list[_Seen] = []
        calls: dict[Kernel, int] = {}
        values = step.state.values
        for bound in step.bound:
            kernel = bound.kernel
            calls[kernel] = calls.get(kernel, 0) + 1
            keeps = calls[kernel] <= CALLS and not kernel.op.collective
            arguments = bound.arguments(values)
            given = self._given(bound, arguments) if keeps else {}
            with guarded(guard.named(kernel), who(kernel)):
                bound.run(values)
                if keeps:
                    step.device.synchronize()
                    returned = {name: values[name] for name in bound.call.outputs}
                    self._seen.append(_Seen(bound, given, self._left(bound, arguments, returned)))
        self._logits = self._download(values["logits"])
        squares = (b.kernel.op.tolerance(b.call.case) ** 2 for b in step.bound)
        self._tolerance = math.sqrt(sum(squares))
        """Of the logits of two runs: roundings of many calls add up as independent ones do."""

    def faults(self, timed: Sequence[Entrant]) -> list[str]:
        """What is wrong now, a sentence each; ``timed`` are entrants whose call is the step.

        First the step, captured as it was timed where it was, and submitted by the host; then the
        first calls of each kernel, on the same inputs. Outputs are poisoned before.
        """
        found: list[str] = []
        try:
            self.step.device.use()
            for entrant in timed:
                if (graph := entrant.captured) is not None:
                    with guarded("the captured step"):
                        self._poison(graph.result)
                        graph.replay()
                        self.step.device.synchronize()
                    _, logits = graph.result
                    found += self._same_logits("the captured step", logits)
            with guarded("the step"):
                with self.step.device.poisoned():
                    self.step.run()
                self.step.device.synchronize()
            found += self._same_logits("the step", self.step.state.values["logits"])
            for seen in self._seen:
                found += self._same_call(seen)
        except KernelError as wrong:
            found.append(f"after the timing, {wrong}")
        return list(dict.fromkeys(found))

    def _same_logits(self, what: str, logits: Any) -> list[str]:
        now = self._download(logits)
        error = relative_error(now, self._logits)
        if not error <= self._tolerance:
            said = f"error {error:.2g}, tolerance {self._tolerance:.2g}"
            return [f"{what} gives other logits after the timing than before ({said})"]
        time.sleep(WAIT_S)
        if not same_bits(self._download(logits), now):
            return [f"{what} had returned before its logits were there"]
        return []

    def _same_call(self, seen: _Seen) -> list[str]:
        """One of a kernel's first calls again."""
        bound, device = seen.bound, self.step.device
        kernel, name = bound.kernel, guard.named(bound.kernel)
        given = {
            name: device.upload(value) if isinstance(value, np.ndarray) else value
            for name, value in seen.given.items()
        }
        arguments: dict[str, Any] = {**bound.fixed, **given}
        with guarded(name, who(kernel)):
            for first in (True, False):
                with device.poisoned():
                    result = kernel(**arguments)
                device.synchronize()
                if first:  # what it returned until now may be memory of its own
                    poison_outputs(kernel, named(kernel, result), arguments)
                    for changed in seen.left.keys() & given.keys():
                        device.write(given[changed], seen.given[changed])
            returned = zip(bound.call.outputs, named(kernel, result).values(), strict=True)
            left = self._left(bound, arguments, dict(returned))
        tolerance = 2 * kernel.op.tolerance(bound.call.case)  # each may be off by one
        errors = {n: relative_error(left[n], value) for n, value in seen.left.items()}
        worst = max(errors, key=lambda output: errors[output])
        if errors[worst] <= tolerance:
            return []
        said = f"error {errors[worst]:.2g}, tolerance {tolerance:.2g}"
        return [f"{name} is wrong: its {worst} is another after the timing than before ({said})"]

    def _poison(self, outputs: Sequence[Any]) -> None:
        for output in outputs:
            self.step.device.poison(output)

    def _given(self, bound: Bound, arguments: dict[str, Any]) -> dict[str, Any]:
        """Copies of what earlier calls left for this one; numbers as they are."""
        values = {name: arguments[name] for name in bound.wired}
        return {
            name: value if value is None or isinstance(value, int) else self._download(value)
            for name, value in values.items()
        }

    def _left(self, bound: Bound, arguments: dict[str, Any], returned: dict[str, Any]) -> Outputs:
        changed = {n: arguments[n] for n in bound.kernel.op.mutates if n in bound.wired}
        arrays = {n: value for n, value in (changed | returned).items() if value is not None}
        return {name: self._download(value) for name, value in arrays.items()}

    def _download(self, array: Any) -> np.ndarray:
        return self.step.device.download(array)
