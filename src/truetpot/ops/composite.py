"""Operators in sequence as an operator of its own, for one kernel that does what several do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from truetpot.errors import UserError
from truetpot.ops.foreign import describe
from truetpot.ops.inputs import Input, Inputs, Sized
from truetpot.ops.operator import Case, Operator, Outputs
from truetpot.ops.tolerance import relative_error

C = TypeVar("C", bound=Case)


@dataclass(frozen=True)
class CompositeCase(Case):
    """The cases of a composite's parts, in order."""

    parts: tuple[Case, ...] = ()

    def part(self, kind: type[C]) -> C:
        """The first of the parts' cases that is of this kind."""
        return next(part for part in self.parts if isinstance(part, kind))

    def label(self) -> str:
        """The labels of the parts, joined by ``+``."""
        return " + ".join(part.label() for part in self.parts)

    @property
    def format(self) -> str:
        """The format of the first part."""
        return self.parts[0].format


class Composite(Operator):
    """Operators in sequence, run by one kernel: fusion as an operator of its own.

    Each part's returned value feeds the next part's input named in ``wires``. An input name that
    several parts share is one and the same input. Bytes, inputs and reference follow from the
    parts: the intermediate is neither written nor read.
    """

    def __init__(
        self,
        name: str,
        parts: tuple[Operator, ...],
        wires: tuple[str, ...],
        grid: Callable[[], Iterable[tuple[Case, ...]]],
    ) -> None:
        if len(parts) < 2 or not all(isinstance(part, Operator) for part in parts):
            raise ValueError(f"the composite {name!r} needs two operators or more as its parts")
        if not isinstance(wires, tuple) or len(wires) != len(parts) - 1:
            raise ValueError(
                f"the composite {name!r} of {len(parts)} parts needs {len(parts) - 1} wires, a "
                f"tuple with an input's name for each part but the first, not {wires!r}"
            )
        self._grid = grid
        self.name = name  # type: ignore[misc]
        self.parts, self.wires = parts, wires
        self.returns = parts[-1].returns  # type: ignore[misc]
        self.collective = any(part.collective for part in parts)  # type: ignore[misc]
        self.mutates = tuple(dict.fromkeys(n for p in parts for n in p.mutates))  # type: ignore[misc]
        taken: dict[str, Input] = {}
        for part, wired in zip(parts, self._wired(), strict=True):
            for one in part.takes:
                if one.name != wired:
                    taken.setdefault(one.name, one)
        self.takes = tuple(taken.values())

    def on_rank(self, rank: int) -> Operator:
        """Of the parts that exchange something, each as this rank has it."""
        if not self.collective:
            return self
        parts = tuple(part.on_rank(rank) for part in self.parts)
        return Composite(self.name, parts, self.wires, self._grid)

    def case(self, *parts: Case) -> CompositeCase:
        """The composite's case for the given cases of its parts."""
        return CompositeCase(dtype=parts[0].dtype, parts=parts)

    def _wired(self) -> tuple[str, ...]:
        """Of each part the input that the part before it makes."""
        return ("", *self.wires)

    def sized(self, case: CompositeCase) -> Sequence[Sized]:
        """The parts' inputs but the intermediates; of a shared one, what all of them read."""
        found: dict[str, Sized] = {}
        for op, part, wired in zip(self.parts, case.parts, self._wired(), strict=True):
            for one in op.sized(part):
                if one.name != wired:
                    first = found.get(one.name, replace(one, read_bytes=0))
                    read = first.read_bytes + one.read_bytes
                    found[one.name] = replace(first, read_bytes=read)
        return [*found.values()]

    def writes(self, case: CompositeCase) -> Mapping[str, int]:
        """The parts' writes without the intermediates."""
        total: dict[str, int] = {}
        last = len(self.parts) - 1
        for i, (op, part) in enumerate(zip(self.parts, case.parts, strict=True)):
            for name, count in op.writes(part).items():
                if i == last or name not in op.returns:
                    total[name] = total.get(name, 0) + count
        return total

    def flops(self, case: CompositeCase) -> int:
        """The sum over the parts' operations."""
        return sum(op.flops(part) for op, part in zip(self.parts, case.parts, strict=True))

    def payload_bytes(self, case: CompositeCase) -> int:
        """The sum over the parts' payloads."""
        return sum(op.payload_bytes(part) for op, part in zip(self.parts, case.parts, strict=True))

    def reduced(self, case: CompositeCase, rows: int) -> CompositeCase:
        """The last part with rows of its own cut down, what works on its output made as wide.

        All as they are where what follows has a width of its own to keep, as heads and ranks have.
        """
        fewer: list[Case] = []
        width: int | None = None  # of what the next part is given, where that was cut down
        for op, part in zip(self.parts, case.parts, strict=True):
            new = op.reduced(part, rows)
            if width is not None:
                narrow = op.narrowed(part, width) if op.width(new) == op.width(part) else None
                if narrow is None:  # it needs all that those before it give
                    fewer = list(case.parts[: len(fewer)])
                else:
                    new = narrow
            width = None if op.width(new) == op.width(part) else op.width(new)
            fewer.append(new)
        return self.case(*fewer)

    def reference(self, case: CompositeCase, inputs: Inputs) -> Outputs:
        """The parts' references in sequence, the intermediate kept in float64.

        What a part changes in place the next one reads as it is stored, in the input's own dtype.
        Raises UserError where a part cannot take what the one before it makes.
        """
        return self._reference(case, inputs, {})

    def _reference(self, case: CompositeCase, inputs: Inputs, stored: Outputs) -> Outputs:
        """The same; of what is ``stored``, by name, the later parts read that."""
        values = dict(inputs)
        changed: Outputs = {}
        out: Outputs = {}
        for i, (op, part) in enumerate(zip(self.parts, case.parts, strict=True)):
            try:
                out = op.reference(part, values)
            except (LookupError, TypeError, ValueError) as error:  # anyone may declare one
                raise UserError(
                    f"The composite {self.name} does not fit together at {op.name} "
                    f"({part.label()}): {describe(error)}; check its parts, wires and cases."
                ) from error
            new = {name: out[name] for name in op.mutates if name in out}
            changed |= new
            values |= {n: stored.get(n, x).astype(inputs[n].dtype) for n, x in new.items()}
            if i < len(self.wires):
                values[self.wires[i]] = out[op.returns[0]]
        return changed | out

    def tolerance(self, case: CompositeCase) -> float:
        """Errors of a chain add up."""
        return sum(op.tolerance(part) for op, part in zip(self.parts, case.parts, strict=True))

    def error(self, case: CompositeCase, inputs: Inputs, got: Outputs, want: Outputs) -> float:
        """The largest; what a part changes in place by the measure of that part.

        A value halfway between two of a coarse cache may be stored as either, and what reads it
        then differs by more than rounding: it is held to what was stored, and that to its own part.
        """
        worst = self._worst(case, inputs, got, want)
        if not self.tolerance(case) < worst < math.inf:
            return worst
        stored = {name: got[name] for name in self.mutates if name in got}
        return min(worst, self._worst(case, inputs, got, self._reference(case, inputs, stored)))

    def _worst(self, case: CompositeCase, inputs: Inputs, got: Outputs, want: Outputs) -> float:
        worst, rest = 0.0, set(want)
        for op, part in zip(self.parts, case.parts, strict=True):
            if own := rest.intersection(op.mutates):
                of_own = ({name: arrays[name] for name in own} for arrays in (got, want))
                worst, rest = max(worst, op.error(part, inputs, *of_own)), rest - own
        return max(worst, *(relative_error(got[name], want[name]) for name in rest))

    def grid(self) -> Iterable[CompositeCase]:
        """The tuples of part cases that the composite was declared with."""
        return (self.case(*parts) for parts in self._grid())
