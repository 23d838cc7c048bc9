"""Is a kernel right? Asked before any time is taken, on the same inputs.

``check_on`` is the whole of it. Its steps stand on their own: ``prepare`` puts inputs on the
device, ``run`` calls the kernel, ``compare`` holds what came back against the reference. What it is
asked on, :mod:`.prepared` makes; after the timing :mod:`.recheck` asks again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from truetpot.errors import KernelError
from truetpot.formats import Weight
from truetpot.ops import Case
from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.ops.guard import guarded, still_there, who
from truetpot.ops.inputs import Inputs
from truetpot.ops.operator import Operator, Outputs
from truetpot.ops.packed import same_bits
from truetpot.ops.registry import Kernel
from truetpot.runtime.group import Group

Args = dict[str, Any]
"""Inputs as a kernel takes them: device arrays, packed weights, ints, None."""


@dataclass(frozen=True)
class Expected:
    """Inputs of a case, what a kernel has to make of them, and by how much it may miss it."""

    kernel: Kernel
    case: Case
    host: Inputs
    want: Outputs
    """The reference, by which the error is told."""
    rounded: Inputs
    """The inputs as a ``coarse`` kernel rounds them, else ``host``."""
    own: Outputs
    """The reference of those, within whose tolerance it has to be."""
    tolerance: float

    @classmethod
    def of(cls, kernel: Kernel, case: Case, host: Inputs, want: Outputs) -> Self:
        """Raises KernelError where a coarse kernel cannot say how it rounds."""
        tolerance = kernel.op.tolerance(case)
        if not kernel.coarse:
            return cls(kernel, case, host, want, host, want, tolerance)
        with guarded("rounded", who(kernel)):
            rounded = kernel.rounded(host)
        own = kernel.op_on_rank.reference(case, rounded)
        return cls(kernel, case, host, want, rounded, own, tolerance)

    def repeated(self, times: int) -> Self:
        """What is left after so many calls on the same arrays, each on what the last one left."""
        op = self.kernel.op_on_rank
        state, want = self.host, self.want
        for _ in range(times - 1):
            changed = {n: want[n].astype(state[n].dtype) for n in op.mutates if n in want}
            if all(same_bits(state[name], value) for name, value in changed.items()):
                break
            state = {**state, **changed}
            want = op.reference(self.case, state)
        return self if state is self.host else self.of(self.kernel, self.case, state, want)

    def errors(self, got: Outputs) -> tuple[float, str]:
        """The error of what a call left behind, and what is wrong with it; empty if nothing is.

        Raises KernelError for what no error can measure, as :func:`compare` does.
        """
        kernel, case = self.kernel, self.case
        error = compare(kernel, case, self.host, got, self.want)
        fault = error
        if kernel.coarse:
            outputs = {name: got[name] for name in self.own}
            fault = kernel.op_on_rank.error(case, self.rounded, outputs, self.own)
        if fault <= self.tolerance:
            return error, ""
        where = f", {kernel.coarse} included" if kernel.coarse else ""
        return error, f"error {fault:.2g} is above the tolerance {self.tolerance:.2g}{where}"


@dataclass(frozen=True)
class Check:
    """The verdict on one kernel and case."""

    error: float
    """Of the worse of two calls, as the operator defines it; ``inf`` for any other fault."""
    tolerance: float
    reason: str
    """What is wrong, in one line; empty when nothing is."""
    inputs: Args
    """On the device, ready for a timed call; empty when the kernel could not take them."""
    coarse: str = ""
    """By what the kernel's arithmetic misses the tolerance, where that is all that is wrong."""
    expected: Expected | None = None
    """What it was held against, for the check after timing; None where the kernel is wrong."""

    @property
    def ok(self) -> bool:
        """May this kernel be timed?"""
        return not self.reason


def check_on(kernel: Kernel, case: Case, host: Inputs, want: Outputs) -> Check:
    """Call the kernel twice on fresh copies of the inputs and compare all that it left behind.

    ``want`` is their reference. The second call finds the first one's outputs poisoned, so that a
    kernel which reuses a buffer or keeps state is seen. A kernel of coarser arithmetic has to be
    within the tolerance on the inputs as it rounds them; its error is against the reference all the
    same. Raises UserError where the inputs do not fit on the device.
    """
    tolerance = kernel.op.tolerance(case)
    error, args, wrong = 0.0, Args(), ""
    expected: Expected | None = None
    for call in ("", "in a second call, "):
        try:
            if expected is None:
                with guarded(who=who(kernel)):
                    kernel.device.use()
                expected = Expected.of(kernel, case, host, want)
            args = _fresh(kernel, host, args)
            result = run(kernel, args)
            beside, fault = expected.errors(collect(kernel, args, result))
            error = max(error, beside)
            if fault:
                raise KernelError(f"{call}{fault}")
            poison_outputs(kernel, result, args)
        except KernelError as failed:
            still_there(kernel, str(failed))
            wrong = str(failed)
        if reason := anywhere(kernel.op, wrong, kernel.device.group):
            known = error > tolerance or not wrong
            return Check(error if known else math.inf, tolerance, reason, args)
    coarse = kernel.coarse if error > tolerance else ""
    return Check(error, tolerance, "", _fresh(kernel, host, args), coarse, expected)


def anywhere(op: Operator, wrong: str, group: Group) -> str:
    """What is wrong here; of a collective on any rank: the others cannot go on with it alone."""
    if not op.collective:
        return wrong
    ranks = group.gather(wrong)
    elsewhere = ", ".join(str(rank) for rank, one in enumerate(ranks) if one)
    return wrong or (f"it is wrong on rank {elsewhere}" if elsewhere else "")


def prepare(kernel: Kernel, inputs: Inputs, packed: Mapping[str, Any] | None = None) -> Args:
    """The inputs on the kernel's device; weights packed, or taken from ``packed`` where given."""
    args = Args(packed or {})
    for name, value in inputs.items():
        if name in args:
            continue
        if isinstance(value, Weight):
            args[name] = _pack(kernel, value)
        elif isinstance(value, np.ndarray):
            args[name] = kernel.device.upload(value)
        else:
            args[name] = value
    return args


def run(kernel: Kernel, args: Args) -> Args:
    """Call and wait: the returned arrays by name, still on the device. Raises KernelError."""
    with guarded(who=who(kernel)):
        with kernel.device.poisoned():
            result = kernel(**args)
        kernel.device.synchronize()
    return named(kernel, result)


def named(kernel: Kernel, result: Any) -> Args:
    """What a call returned, by name. Raises KernelError where it is not what the operator says."""
    names = kernel.op.returns
    values = (result,) if len(names) == 1 else result
    if not isinstance(values, tuple) or len(values) != len(names):
        raise KernelError(f"returned {type(result).__name__}, not ({', '.join(names)})")
    return dict(zip(names, values, strict=True))


def collect(kernel: Kernel, args: Args, result: Args) -> Outputs:
    """Copies on the host of all that the kernel may have changed or made: every array."""
    arrays = {n: v for n, v in args.items() if n not in kernel.op.weights}
    arrays |= result
    with guarded("an output cannot be read back", who(kernel)):
        return {
            name: kernel.device.download(value)
            for name, value in arrays.items()
            if value is not None and not isinstance(value, int)
        }


def compare(kernel: Kernel, case: Case, inputs: Inputs, got: Outputs, want: Outputs) -> float:
    """The operator's error. Raises KernelError for what no error can measure.

    That is a shape, a dtype, or a change of an input that is not the kernel's to change.
    """
    op = kernel.op
    for name, value in want.items():
        if name not in got:
            raise KernelError(f"{name} is missing")
        if name in op.mutates:
            dtype = inputs[name].dtype
        else:
            dtype = value.dtype if value.dtype.kind in "iu" else NUMPY_DTYPE[case.dtype]
        if got[name].shape != value.shape:
            raise KernelError(f"{name} has shape {got[name].shape}, not {value.shape}")
        if got[name].dtype != dtype:
            raise KernelError(f"{name} has dtype {got[name].dtype}, not {dtype}")
    for name, value in inputs.items():
        if not isinstance(value, np.ndarray) or name in op.mutates:
            continue
        if not same_bits(got[name], value):
            raise KernelError(f"{name} was changed, and it is an input only")
    return op.error(case, inputs, {name: got[name] for name in want}, want)


def _fresh(kernel: Kernel, inputs: Inputs, args: Args) -> Args:
    """Every array anew, the old ones dropped first; packed weights stay."""
    packed = {name: args.pop(name) for name in kernel.op.weights if name in args}
    args.clear()
    return prepare(kernel, inputs, packed)


def _pack(kernel: Kernel, weight: Weight) -> Any:
    with guarded("pack", who(kernel)):
        return kernel.pack(weight)


def poison_outputs(kernel: Kernel, result: Args, args: Args) -> None:
    """Set every bit of what a call returned, unless that is memory of its inputs."""
    device = kernel.device
    inputs = {device.storage(value) for value in args.values()}
    for value in result.values():
        if device.storage(value) not in inputs:
            device.poison(value)
