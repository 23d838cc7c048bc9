"""``rms_norm`` by ipex-llm on XPU: ``rms_norm``, the residual added before by torch, as there."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from truetpot.kernels._lib.vendors import ipex_llm as vendor

from truetpot.ops import RMS_NORM, RmsNormCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device


@register(RMS_NORM, provider="ipex_llm", devices=("xpu",))
class IpexLlmRmsNorm(Kernel):
    """x [m, hidden], gamma [hidden], residual [m, hidden] or None; out as x."""

    def __init__(self, case: RmsNormCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._norm = vendor.operator("rms_norm")

    @classmethod
    def refuses(cls, case: RmsNormCase, device: Device) -> str | None:
        """fp16 and fp32; other activations ipex-llm norms with torch."""
        if reason := vendor.why_not_xpu(("rms_norm",), "xe_addons"):
            return reason
        return "ipex-llm norms bf16 with torch" if case.dtype == "bf16" else None

    def __call__(self, *, x: Tensor, gamma: Tensor, residual: Tensor | None) -> Tensor:
        """The vendor's operator takes the weight first."""
        if residual is not None:
            x = residual.add_(x)
        out: Tensor = self._norm(gamma, x, self.case.eps)
        return out
