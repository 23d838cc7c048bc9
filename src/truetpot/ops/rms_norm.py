"""``rms_norm``: x / rms(x) * gamma, with the residual added first where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from truetpot.ops.arrays import ITEMSIZE, exact
from truetpot.ops.inputs import Category, Input, Inputs, Normal
from truetpot.ops.operator import Case, Operator, Outputs
from truetpot.ops.tolerance import tolerance


@dataclass(frozen=True)
class RmsNormCase(Case):
    """x [m, hidden]; with ``residual``, residual [m, hidden] becomes residual + x and is normed."""

    m: int
    hidden: int
    eps: float = 1e-6
    residual: bool = False


def rms_normalise(x: np.ndarray, gamma: np.ndarray, eps: float) -> np.ndarray:
    """Float64 RMS norm over the last axis."""
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + eps) * gamma


class _RmsNorm(Operator):
    name = "rms_norm"
    mutates = ("residual",)
    takes = (
        Input("x", ("m", "hidden")),
        Input("gamma", ("hidden",), draw=Normal(std=0.1, mean=1.0), category=Category.PARAMETER),
        Input("residual", ("m", "hidden"), given="residual"),
    )

    def writes(self, case: RmsNormCase) -> Mapping[str, int]:
        """The normed rows and the new residual."""
        size = case.m * case.hidden * ITEMSIZE[case.dtype]
        return {"out": size} | ({"residual": size} if case.residual else {})

    def flops(self, case: RmsNormCase) -> int:
        """Square, add, two multiplications (and the residual's add) an element."""
        return (5 if case.residual else 4) * case.m * case.hidden

    def reference(self, case: RmsNormCase, inputs: Inputs) -> Outputs:
        """Zhang and Sennrich 2019, arXiv 1910.07467, equation 4."""
        x = exact(inputs["x"])
        if case.residual:
            x = x + exact(inputs["residual"])
        out = {"out": rms_normalise(x, exact(inputs["gamma"]), case.eps)}
        return out | ({"residual": x} if case.residual else {})

    def tolerance(self, case: RmsNormCase) -> float:
        """A mean over the row."""
        return tolerance(case.hidden, case.dtype)

    def grid(self) -> Iterable[RmsNormCase]:
        """Odd widths, several rows, with and without the residual."""
        for dtype in ("bf16", "fp16", "fp32"):
            for m, hidden in ((1, 1), (1, 37), (3, 128), (16, 65), (1, 5120)):
                for residual in (False, True):
                    yield RmsNormCase(dtype, m, hidden, residual=residual)


RMS_NORM = _RmsNorm()
