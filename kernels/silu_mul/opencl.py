"""``silu_mul`` in OpenCL C: elementwise, for the cases that no fused projection takes."""

from __future__ import annotations

from typing import Any

from truetpot.kernels._opencl import OpenClKernel, dtype_macro

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
        """One."""
        return (Build("silu_mul/silu_mul.cl", "silu_mul", dtype_macro(case.dtype), case.dtype),)

    def __call__(self, *, gate_up: OpenClArray) -> OpenClArray:
        """One launch."""
        m, n = self.case.m, self.case.n
        out = self.empty(m, n)
        (run,) = self.functions
        run((-(-n // GROUP) * GROUP, m), (GROUP, 1), gate_up, out, n)
        return out
