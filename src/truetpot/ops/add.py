"""``add``: the residual stream and what a block adds to it, as an array of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from truetpot.ops.arrays import ITEMSIZE, exact
from truetpot.ops.inputs import Input, Inputs
from truetpot.ops.operator import Case, Operator, Outputs
from truetpot.ops.tolerance import tolerance


@dataclass(frozen=True)
class AddCase(Case):
    """x, residual and out [m, n]."""

    m: int
    n: int


class _Add(Operator):
    name = "add"
    takes = Input("x", ("m", "n")), Input("residual", ("m", "n"))

    def writes(self, case: AddCase) -> Mapping[str, int]:
        """As many bytes as x has."""
        return {"out": case.m * case.n * ITEMSIZE[case.dtype]}

    def width(self, case: AddCase) -> int:
        """The columns of the sum, n."""
        return case.n

    def narrowed(self, case: AddCase, width: int) -> AddCase:
        """As wide as what is added."""
        return replace(case, n=width)

    def flops(self, case: AddCase) -> int:
        """One addition for each element."""
        return case.m * case.n

    def reference(self, case: AddCase, inputs: Inputs) -> Outputs:
        """x + residual, summed in float64."""
        return {"out": exact(inputs["x"]) + exact(inputs["residual"])}

    def tolerance(self, case: AddCase) -> float:
        """That of an elementwise operator."""
        return tolerance(1, case.dtype)

    def grid(self) -> Iterable[AddCase]:
        """One element, odd widths, several rows."""
        for dtype in ("bf16", "fp16", "fp32"):
            for m, n in ((1, 1), (1, 27), (3, 64), (16, 129), (1, 5120)):
                yield AddCase(dtype, m, n)


ADD = _Add()
