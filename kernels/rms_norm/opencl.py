"""``rms_norm`` in OpenCL C: a work-group a row, which its items keep between the two passes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from truetpot.kernels._lib.opencl.kernel import OpenClKernel

from truetpot.ops import RMS_NORM, RmsNormCase
from truetpot.ops.registry import Config, register
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.target import Target

ITEMS = (256, 128, 512, 1024)
"""Work-items of a row; the first is the default."""


@register(RMS_NORM, provider="opencl", devices=("opencl",))
class OpenClRmsNorm(OpenClKernel):
    """x [m, hidden], gamma [hidden], residual [m, hidden] or None; out as x."""

    half = False

    @classmethod
    def builds(cls, case: RmsNormCase, target: Target, **config: Any) -> tuple[Build, ...]:
        """One kernel for the case."""
        width = 4 if case.hidden % 4 == 0 else 1
        items = config.get("items", ITEMS[0])
        macros: dict[str, int | str | float] = {
            "DTYPE": case.dtype,
            "WIDTH": width,
            "ITEMS": items,
            "EACH": -(-case.hidden // (width * items)),
            "RESIDUAL": int(case.residual),
        }
        variant = f"{case.dtype} hidden={case.hidden}" + " residual" * case.residual
        return (Build("rms_norm/norm.cl", "norm", macros, variant),)

    @classmethod
    def configs(cls, case: RmsNormCase, device: Device) -> Iterable[Config]:
        """Numbers of work-items that share a row."""
        return ({"items": n} for n in ITEMS)

    def __call__(
        self, *, x: OpenClArray, gamma: OpenClArray, residual: OpenClArray | None
    ) -> OpenClArray:
        """Adds x to the residual in place, where there is one."""
        out = self.empty(*x.shape)
        case, items = self.case, self.config.get("items", ITEMS[0])
        norm = self.functions[0]
        norm((case.m * items,), (items,), x, gamma, residual, out, case.hidden, case.eps)
        return out
