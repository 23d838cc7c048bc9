"""``silu_mul`` in OpenCL C: elementwise, for the cases that no fused projection takes."""

from __future__ import annotations

from typing import Any

from truetpot.kernels._lib.opencl.kernel import OpenClKernel

from truetpot.ops import SILU_MUL, SiluMulCase
from truetpot.ops.registry import register
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.target import Target

GROUP = 64


@register(SILU_MUL, provider="opencl", devices=("opencl",))
class OpenClSiluMul(OpenClKernel):
    """gate_up [m, 2 n], gate first; out [m, n]."""

    half = False

    @classmethod
    def builds(cls, case: SiluMulCase, target: Target, **config: Any) -> tuple[Build, ...]:
        """One kernel for the case."""
        macros: dict[str, int | str | float] = {"DTYPE": case.dtype, "WIDTH": _width(case)}
        return (Build("silu_mul/silu_mul.cl", "silu_mul", macros, case.dtype),)

    def __call__(self, *, gate_up: OpenClArray) -> OpenClArray:
        """One launch."""
        m, n = self.case.m, self.case.n
        out = self.empty(m, n)
        (run,) = self.functions
        items = -(-n // (_width(self.case) * GROUP)) * GROUP
        run((items, m), (GROUP, 1), gate_up, out, n)
        return out


def _width(case: SiluMulCase) -> int:
    """Elements a load: rows of another length cannot be split into vectors."""
    return 4 if case.n % 4 == 0 else 1
