"""What an operator is: everything about it that does not depend on who implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from truetpot.ops.inputs import Category, Input, Inputs, Sized
from truetpot.ops.tolerance import changed_rows, relative_error

Outputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """One shape of one operator. Subclasses add the fields; ``dtype`` is of the activations."""

    dtype: str

    def label(self) -> str:
        """A short name, unique within the operator: ``n=5120 k=5120 format=sym_int4``.

        A field whose metadata has ``unsaid`` is left out at that value: one that was added to the
        case later, so that the names in records and tuned files stay.
        """
        parts = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.metadata.get("unsaid") == value:
                continue
            if value is True:
                parts.append(field.name)
            elif value is not False and value is not None:
                parts.append(f"{field.name}={value}")
        return " ".join(parts)

    @property
    def format(self) -> str:
        """The format of what dominates the traffic: weights, else KV, else the activations."""
        return str(getattr(self, "weight_format", getattr(self, "kv_format", self.dtype)))


def query_tokens(case: Case) -> int:
    """Query tokens a sequence of a case or of its parts; 1 where they are rows like any other."""
    parts: tuple[Case, ...] = getattr(case, "parts", (case,))
    return max(int(getattr(part, "query_tokens", 1)) for part in parts)


class Operator(ABC):
    """The contract of one operator.

    A kernel is called with the inputs by keyword and returns the arrays named in ``returns`` (one
    array, or a tuple when there are several); the inputs named in ``mutates`` it changes in place.
    """

    name: ClassVar[str]
    takes: tuple[Input, ...] = ()
    """The inputs in the order in which they are drawn, the same for every case."""
    returns: ClassVar[tuple[str, ...]] = ("out",)
    mutates: ClassVar[tuple[str, ...]] = ()
    collective: ClassVar[bool] = False
    """Whether every rank has to call it, as each waits for the others."""

    def on_rank(self, rank: int) -> Operator:
        """The operator as this rank of several has it: of a collective the inputs are its own.

        Any other is the same on all ranks, and returns itself.
        """
        return self

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the inputs that a provider packs into its own layout."""
        return tuple(one.name for one in self.takes if one.category is Category.WEIGHT)

    def sized(self, case: Any) -> Sequence[Sized]:
        """The inputs at the sizes of the case, in the order of :attr:`takes`."""
        return [one.of(case) for one in self.takes]

    def inputs(self, case: Any, rng: np.random.Generator) -> Inputs:
        """Fresh random inputs on the host, in canonical formats; never zeros."""
        drawn: Inputs = {}
        for one in self.sized(case):
            drawn[one.name] = one.drawn(rng, drawn)
        return drawn

    def reads(self, case: Any) -> Mapping[str, int]:
        """Bytes read from each input, in the canonical format. Unread parts do not count."""
        return {one.name: one.read_bytes for one in self.sized(case) if one.read_bytes}

    @abstractmethod
    def writes(self, case: Any) -> Mapping[str, int]:
        """Bytes written to each output or mutated input."""

    @abstractmethod
    def flops(self, case: Any) -> int:
        """Floating-point operations, a multiply-add counted as two."""

    @abstractmethod
    def reference(self, case: Any, inputs: Inputs) -> Outputs:
        """Every output and mutated input in float64 (integers stay integers)."""

    @abstractmethod
    def tolerance(self, case: Any) -> float:
        """Largest relative error a correct kernel may show; see :mod:`truetpot.ops.tolerance`."""

    @abstractmethod
    def grid(self) -> Iterable[Any]:
        """Cases a kernel must be correct on, odd sizes among them."""

    def resident_reads(self, case: Any) -> int:
        """Bytes read from weights and caches, which each layer has of its own."""
        return sum(one.read_bytes for one in self.sized(case) if one.input.category.cold)

    def model_bytes(self, case: Any) -> int:
        """Bytes of the model's weights, norms, biases and tables that the case has in memory."""
        return sum(one.nbytes for one in self.sized(case) if one.input.category.of_model)

    def payload_bytes(self, case: Any) -> int:
        """Bytes that a rank gives the others; 0 of what is no collective."""
        return 0

    def reduced(self, case: Any, rows: int) -> Any:
        """The same kind of case with at most so many rows of a weight or table, for a check.

        The case itself where the operator does not say how.
        """
        return case

    def width(self, case: Any) -> int | None:
        """Columns of what it returns; None where that is not one number to be changed."""
        return None

    def narrowed(self, case: Any, width: int) -> Any | None:
        """The case for a first input of so many columns; None where its own sizes forbid it."""
        return None

    def bytes(self, case: Any) -> int:
        """Bytes that must move: everything read once, everything written once."""
        return sum(self.reads(case).values()) + sum(self.writes(case).values())

    def error(self, case: Any, inputs: Inputs, got: Outputs, want: Outputs) -> float:
        """Largest relative error over the outputs; NaN and unwritten elements count as infinite."""
        return max(relative_error(*pair) for pair in self.compared(inputs, got, want).values())

    def compared(
        self, inputs: Inputs, got: Outputs, want: Outputs
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """What is held against what: of what a call may change the rows that are not as before."""
        pairs = {name: (got[name], want[name]) for name in want}
        for name in pairs.keys() & {*self.mutates}:
            before, (have, true) = inputs.get(name), pairs[name]
            if not isinstance(before, np.ndarray) or before.dtype != have.dtype:
                continue
            if before.ndim and before.size and before.shape == have.shape == true.shape:
                before, have, true = (
                    np.ascontiguousarray(x).reshape(-1, x.shape[-1]) for x in (before, have, true)
                )
                rows = changed_rows(before, have, true)
                pairs[name] = have[rows], true[rows]
        return pairs
