"""``silu_mul``: silu(gate) * up, gate and up side by side as one fused projection leaves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from truetpot.ops.arrays import ITEMSIZE, exact
from truetpot.ops.inputs import Input, Inputs
from truetpot.ops.operator import Case, Operator, Outputs
from truetpot.ops.tolerance import tolerance


@dataclass(frozen=True)
class SiluMulCase(Case):
    """gate_up [m, 2 n]: the first n columns are the gate. out [m, n]."""

    m: int
    n: int

    @property
    def width(self) -> int:
        """Columns of gate and up."""
        return 2 * self.n


class _SiluMul(Operator):
    name = "silu_mul"
    takes = (Input("gate_up", ("m", "width")),)

    def writes(self, case: SiluMulCase) -> Mapping[str, int]:
        """The product, half as wide as what is read."""
        return {"out": case.m * case.n * ITEMSIZE[case.dtype]}

    def width(self, case: SiluMulCase) -> int:
        """The columns of the product, n."""
        return case.n

    def narrowed(self, case: SiluMulCase, width: int) -> SiluMulCase:
        """Gate and up have half of it each."""
        return replace(case, n=width // 2)

    def flops(self, case: SiluMulCase) -> int:
        """exp, add, divide and two multiplications an element."""
        return 5 * case.m * case.n

    def reference(self, case: SiluMulCase, inputs: Inputs) -> Outputs:
        """g / (1 + exp(-g)) * u."""
        both = exact(inputs["gate_up"])
        gate, up = both[:, : case.n], both[:, case.n :]
        # written with exp of a negative number only, which cannot overflow
        small = np.exp(-np.abs(gate))
        sigmoid = np.where(gate >= 0, 1.0, small) / (1.0 + small)
        return {"out": gate * sigmoid * up}

    def tolerance(self, case: SiluMulCase) -> float:
        """That of an elementwise operator."""
        return tolerance(1, case.dtype)

    def grid(self) -> Iterable[SiluMulCase]:
        """One element, odd widths, several rows."""
        for dtype in ("bf16", "fp16", "fp32"):
            for m, n in ((1, 1), (1, 27), (3, 64), (16, 129), (2, 13824)):
                yield SiluMulCase(dtype, m, n)


SILU_MUL = _SiluMul()
