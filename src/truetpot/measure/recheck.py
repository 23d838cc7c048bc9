"""Is a kernel still right, on the memory that it was timed on? Asked after every race.

A kernel can be right while it is checked and wrong while it is timed: it counts its calls, returns
what it computed once, uses up its inputs, or leaves the work to a thread and returns at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from truetpot.errors import KernelError
from truetpot.measure.check import (
    Args,
    Expected,
    collect,
    named,
    poison_outputs,
    run,
)
from truetpot.measure.entrant import Entrant
from truetpot.ops.guard import guarded, still_there, who
from truetpot.ops.inputs import Inputs
from truetpot.ops.operator import Outputs
from truetpot.ops.packed import same_bits
from truetpot.ops.registry import Kernel

MOST_COPIES = 16
MOST_BYTES = 16 << 20
"""Of inputs that are looked at; the copy that was used last is in any case."""
_COSTLIER = 8
"""What a call may change is compared in float64, and not bit for bit."""
LAST = 4
"""Copies among them that were used last: what a kernel does by now shows there first."""
WAIT_S = 0.02
"""After which outputs are looked at again: a thread may go on writing to them."""


@dataclass(frozen=True)
class Recheck:
    """What is held against what once an entrant has been timed."""

    expected: Expected
    entrant: Entrant
    copies: Sequence[Args]
    """The arguments of the entrant's calls."""
    timed: Inputs
    """The host inputs that were uploaded into them."""
    shared: bool = False
    """Whether other entrants had the same copies, so that a spoiled one may be another's doing."""

    def fault(self) -> str:
        """What is wrong with the kernel now, in one line; empty if nothing is.

        Inputs still have to be as they were uploaded, bit for bit. Then those of ``expected`` are
        written in their place, outputs are poisoned, and what was timed is called: the captured
        graph, of which the last call's output can be seen, and each copy by itself. Of many copies
        a sample is taken: some spread evenly over the rotation, and those that were used last.

        All calls are made whatever is found before: those of a collective have to meet.
        """
        kernel, entrant = self.expected.kernel, self.entrant
        size = sum(
            value.nbytes * (_COSTLIER if name in kernel.op.mutates else 1)
            for name, value in _arrays(kernel, self.timed).items()
        )
        chosen = [self.copies[i] for i in sample(len(self.copies), entrant.last, size)]
        faults: list[str] = []
        try:
            kernel.device.use()
            if not self.shared:
                with _noted(faults):
                    self._same_inputs(chosen)
            self._write(chosen, self.expected.host)
            if entrant.captured is not None:
                self._replay(chosen[-1], faults)
                self._reset(chosen)
            self._call(chosen, faults)
            self._write(chosen, self.timed)
        except KernelError as wrong:
            faults.append(str(wrong))
        if not faults:
            return ""
        still_there(kernel, faults[0])
        return f"after the timing, {faults[0]}"

    def _same_inputs(self, chosen: Sequence[Args]) -> None:
        kernel = self.expected.kernel
        for name, value in _arrays(kernel, self.timed).items():
            if name in kernel.op.mutates:
                continue
            for args in chosen:
                if not same_bits(kernel.device.download(args[name]), value):
                    raise KernelError(f"{name} was changed, and it is an input only")

    def _write(self, chosen: Sequence[Args], host: Inputs) -> None:
        kernel = self.expected.kernel
        with guarded():
            for name, value in _arrays(kernel, host).items():
                for args in chosen:
                    kernel.device.write(args[name], value)

    def _reset(self, chosen: Sequence[Args]) -> None:
        """What a call changes, as it was before it."""
        op, host = self.expected.kernel.op, self.expected.host
        self._write(chosen, {n: v for n, v in host.items() if n in op.mutates})

    def _replay(self, last: Args, faults: list[str]) -> None:
        """The graph that was timed last, once; each copy is in it a number of times."""
        entrant, kernel, graph = self.entrant, self.expected.kernel, self.entrant.captured
        assert graph is not None
        result = named(kernel, graph.result)
        poison_outputs(kernel, result, last)
        with guarded("in the captured graph", who(kernel)):
            graph.replay()
            kernel.device.synchronize()
        expected = self.expected
        if mutated := [name for name in kernel.op.mutates if last.get(name) is not None]:
            if entrant.times > 1 and any(name not in expected.want for name in mutated):
                return  # nobody says what a second call finds in an input that the first used up
            expected = expected.repeated(entrant.times)
        with _noted(faults, "in the captured graph, "):
            _settled(kernel, result, last, _held(expected, result, last))

    def _call(self, chosen: Sequence[Args], faults: list[str]) -> None:
        """One copy after the other without a pause, as they were timed."""
        kernel = self.expected.kernel
        # what it returned until now may be memory of its own
        poison_outputs(kernel, run(kernel, chosen[-1]), chosen[-1])
        self._reset(chosen)
        with guarded(who=who(kernel)):
            with kernel.device.poisoned():
                results = [kernel(**args) for args in chosen]
            kernel.device.synchronize()
        with _noted(faults):
            # the last call's first: a thread that is behind has not come to it yet
            left = [(named(kernel, r), args) for r, args in zip(results, chosen, strict=True)]
            seen = [_held(self.expected, *one) for one in reversed(left)]
            _settled(kernel, *left[-1], seen[0])


def sample(copies: int, last: int, size: int) -> list[int]:
    """Which copies are looked at: spread evenly, then those used last, the very last at the end."""
    most = max(1, min(MOST_COPIES, MOST_BYTES // max(1, size), copies))
    recent = [(last - i) % copies for i in range(min(LAST, most))]
    others = [int(i) for i in np.linspace(0, copies - 1, most, dtype=int) if i not in recent]
    return [*others[: most - len(recent)], *reversed(recent)]


@contextmanager
def _noted(faults: list[str], where: str = "") -> Iterator[None]:
    try:
        yield
    except KernelError as wrong:
        faults.append(f"{where}{wrong}")


def _arrays(kernel: Kernel, host: Inputs) -> dict[str, np.ndarray]:
    weights = kernel.op.weights
    return {n: v for n, v in host.items() if isinstance(v, np.ndarray) and n not in weights}


def _held(expected: Expected, result: Args, args: Args) -> Outputs:
    """What a call left, if it is right."""
    got = collect(expected.kernel, args, result)
    _, fault = expected.errors(got)
    if fault:
        raise KernelError(fault)
    return got


def _settled(kernel: Kernel, result: Args, args: Args, seen: Outputs) -> None:
    time.sleep(WAIT_S)
    for name, value in collect(kernel, args, result).items():
        if not same_bits(value, seen[name]):
            raise KernelError(f"{name} went on changing after the call had returned")
