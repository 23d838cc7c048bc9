"""``linear``: y = x W^T + b with W in any weight format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from truetpot.facts.formats import format_facts
from truetpot.formats import FORMATS, Weight, dequantise, rows
from truetpot.ops.arrays import ITEMSIZE, exact
from truetpot.ops.inputs import Category, Input, Inputs
from truetpot.ops.operator import Case, Operator, Outputs
from truetpot.ops.tolerance import relative_error, tolerance

_MANY = 64
"""Outputs in a row, from which on their root mean square cannot be small by chance."""
_PART = 1 << 23
"""Weights dequantised to float64 at a time: the whole of an output head would be 6 GB."""

GRID_FORMATS = ("fp32", "bf16", "fp16", "fp8_e5m2", "sym_int4")
"""Formats that the grid has in every dtype and shape; the others it has in a few."""


@dataclass(frozen=True)
class LinearCase(Case):
    """x [m, k] in ``dtype``, W [n, k] in ``weight_format``, optional b [n] in ``dtype``."""

    m: int
    n: int
    k: int
    weight_format: str
    bias: bool = False


class _Linear(Operator):
    name = "linear"
    takes = (
        Input("x", ("m", "k")),
        Input("weight", ("n", "k"), "weight_format", category=Category.WEIGHT),
        Input("bias", ("n",), category=Category.PARAMETER, given="bias"),
    )

    def writes(self, case: LinearCase) -> Mapping[str, int]:
        """y [m, n] in ``dtype``."""
        return {"out": case.m * case.n * ITEMSIZE[case.dtype]}

    def reduced(self, case: LinearCase, rows: int) -> LinearCase:
        """Fewer rows of W: the loop over them is the same."""
        return replace(case, n=min(case.n, rows))

    def width(self, case: LinearCase) -> int:
        """The columns of y, n."""
        return case.n

    def flops(self, case: LinearCase) -> int:
        """2 m n k, a multiply-add counted as two."""
        return 2 * case.m * case.n * case.k

    def reference(self, case: LinearCase, inputs: Inputs) -> Outputs:
        """x W^T + b on the dequantised weight."""
        x = exact(inputs["x"]).reshape(case.m, case.k)  # attention leaves its heads apart
        out = np.concatenate([x @ part.T for part in _dequantised(inputs["weight"])], axis=1)
        if case.bias:
            out = out + exact(inputs["bias"])
        return {"out": out}

    def tolerance(self, case: LinearCase) -> float:
        """k terms accumulated in float32."""
        return tolerance(case.k, case.dtype)

    def error(self, case: LinearCase, inputs: Inputs, got: Outputs, want: Outputs) -> float:
        """As everywhere; a row of few outputs, which may all cancel, against what is typical."""
        typical: np.ndarray | float = 0.0
        if case.n < _MANY:
            squares = sum(float(np.sum(part**2)) for part in _dequantised(inputs["weight"]))
            x = exact(inputs["x"])
            typical = np.sqrt(np.sum(x**2, axis=1) * squares / (case.n * case.k))
        return relative_error(got["out"], want["out"], typical)

    def grid(self) -> Iterable[LinearCase]:
        """Main formats in every dtype; n of 1, odd, not a multiple of any tile; m of 1 to 64.

        The other formats once a dtype: an odd n, some rows with a bias, and many weights.
        """
        shapes = [(1, 48, 192), (1, 1, 64), (2, 17, 128), (3, 130, 320)]
        shapes += [(8, 33, 64), (16, 65, 448), (4, 96, 256), (33, 96, 192), (64, 130, 320)]
        for weight_format in GRID_FORMATS:
            for dtype in ("bf16", "fp16", "fp32"):
                for i, (m, n, k) in enumerate(shapes):
                    yield LinearCase(dtype, m, n, k, weight_format, bias=i % 2 == 1)
            yield LinearCase("bf16", 1, 520, 5120, weight_format)
        for weight_format in FORMATS:
            if weight_format not in GRID_FORMATS:
                for dtype, m, n, k in (("fp32", 1, 33, 256), ("fp16", 3, 130, 512)):
                    yield LinearCase(
                        dtype, m, n, _whole(k, weight_format), weight_format, bias=m > 1
                    )
                yield LinearCase("bf16", 1, 520, _whole(5120, weight_format), weight_format)


def _whole(k: int, weight_format: str) -> int:
    """k, or the next multiple of the format's blocks."""
    block = format_facts(weight_format).k_multiple
    return -(-k // block) * block


def _dequantised(weight: Weight) -> Iterator[np.ndarray]:
    """W in float64, some rows at a time."""
    n, k = weight.shape
    step = max(1, _PART // k)
    for start in range(0, n, step):
        yield dequantise(rows(weight, start, min(start + step, n)))


LINEAR = _Linear()
