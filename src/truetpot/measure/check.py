"""Is a kernel right? Asked before any time is taken, on the same inputs.

``check`` is the whole of it. Its steps stand on their own: ``prepare`` puts inputs on the device,
``run`` calls the kernel, ``compare`` holds what came back against the reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from truetpot.errors import UserError
from truetpot.formats import Weight
from truetpot.ops import Case
from truetpot.ops.arrays import NUMPY_DTYPE
from truetpot.ops.operator import Inputs, Operator, Outputs
from truetpot.ops.registry import Kernel
from truetpot.runtime.distributed.group import current

Args = dict[str, Any]
"""Inputs as a kernel takes them: device arrays, packed weights, ints, None."""


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

    @property
    def ok(self) -> bool:
        """May this kernel be timed?"""
        return not self.reason


class KernelError(Exception):
    """A kernel did something wrong: what, in one line."""


def check(kernel: Kernel, case: Case, rng: np.random.Generator) -> Check:
    """Call the kernel twice on fresh copies of random inputs and compare all that it left behind.

    The second call finds the first one's outputs poisoned, so that a kernel which reuses a buffer
    or keeps state is seen. Raises UserError where the inputs cannot be made or do not fit.
    """
    host = kernel.op.inputs(case, rng)
    return check_on(kernel, case, host, kernel.op.reference(case, host))


def check_on(kernel: Kernel, case: Case, host: Inputs, want: Outputs) -> Check:
    """:func:`check` on given inputs, whose reference is known: for many kernels of one case.

    A kernel of coarser arithmetic has to be within the tolerance on the inputs as it rounds them.
    Its error is against the reference all the same.
    """
    kernel.device.use()
    tolerance = kernel.op.tolerance(case)
    error, args, wrong = 0.0, Args(), ""
    rounded = kernel.rounded(host) if kernel.coarse else host
    own = kernel.op.reference(case, rounded) if kernel.coarse else want
    for call in ("", "in a second call, "):
        try:
            args = _fresh(kernel, host, args)
            got, beside = _run_and_compare(kernel, case, host, want, args)
            error = max(error, beside)
            fault = kernel.op.error(case, rounded, got, own) if kernel.coarse else error
            if fault > tolerance:
                where = f", {kernel.coarse} included" if kernel.coarse else ""
                wrong = f"{call}error {fault:.2g} is above the tolerance {tolerance:.2g}{where}"
        except KernelError as failed:
            wrong = str(failed)
        if reason := anywhere(kernel.op, wrong):
            known = error > tolerance or not wrong
            return Check(error if known else math.inf, tolerance, reason, args)
    coarse = kernel.coarse if error > tolerance else ""
    return Check(error, tolerance, "", _fresh(kernel, host, args), coarse)


def anywhere(op: Operator, wrong: str) -> str:
    """What is wrong here; of a collective on any rank: the others cannot go on with it alone."""
    if not op.collective:
        return wrong
    ranks = current().gather(wrong)
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
    try:
        with kernel.device.poisoned():
            result = kernel(**args)
        kernel.device.synchronize()
    except Exception as error:
        raise KernelError(one_line(error)) from error
    names = kernel.op.returns
    values = (result,) if len(names) == 1 else result
    if not isinstance(values, tuple) or len(values) != len(names):
        raise KernelError(f"returned {type(result).__name__}, not ({', '.join(names)})")
    return dict(zip(names, values, strict=True))


def collect(kernel: Kernel, args: Args, result: Args) -> Outputs:
    """Copies on the host of all that the kernel may have changed or made: every array."""
    arrays = {n: v for n, v in args.items() if n not in kernel.op.weights}
    arrays |= result
    try:
        return {
            name: kernel.device.download(value)
            for name, value in arrays.items()
            if value is not None and not isinstance(value, int)
        }
    except Exception as error:
        raise KernelError(f"an output cannot be read back: {one_line(error)}") from error


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
        if not _same_bits(got[name], value):
            raise KernelError(f"{name} was changed, and it is an input only")
    return op.error(case, inputs, {name: got[name] for name in want}, want)


def _fresh(kernel: Kernel, inputs: Inputs, args: Args) -> Args:
    """Every array anew, the old ones dropped first; packed weights stay."""
    packed = {name: args.pop(name) for name in kernel.op.weights if name in args}
    args.clear()
    return prepare(kernel, inputs, packed)


def _run_and_compare(
    kernel: Kernel, case: Case, inputs: Inputs, want: Outputs, args: Args
) -> tuple[Outputs, float]:
    result = run(kernel, args)
    got = collect(kernel, args, result)
    error = compare(kernel, case, inputs, got, want)
    _poison_outputs(kernel, result, args)
    return {name: got[name] for name in want}, error


def _pack(kernel: Kernel, weight: Weight) -> Any:
    try:
        return kernel.pack(weight)
    except UserError:  # no memory, say: not the kernel's fault
        raise
    except Exception as error:
        raise KernelError(f"pack: {one_line(error)}") from error


def _poison_outputs(kernel: Kernel, result: Args, args: Args) -> None:
    device = kernel.device
    inputs = {device.storage(value) for value in args.values()}
    for value in result.values():
        if device.storage(value) not in inputs:
            device.poison(value)


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal, NaN to NaN included."""
    first, second = (np.ascontiguousarray(x).reshape(-1).view(np.uint8) for x in (a, b))
    return np.array_equal(first, second)


def one_line(error: Exception) -> str:
    """Type and first line."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
