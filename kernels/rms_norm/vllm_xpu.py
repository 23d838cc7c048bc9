"""``rms_norm`` by vllm-xpu-kernels: ``rms_norm``, and ``fused_add_rms_norm`` with a residual."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from truetpot.kernels._lib.vendors import vllm_xpu as vendor

from truetpot.ops import RMS_NORM, RmsNormCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device


@register(RMS_NORM, provider="vllm_xpu", devices=("xpu",))
class VllmXpuRmsNorm(Kernel):
    """x [m, hidden], gamma [hidden], residual [m, hidden] or None; out as x."""

    def __init__(self, case: RmsNormCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._norm = vendor.operator("_C", "rms_norm")
        self._add_norm = vendor.operator("_C", "fused_add_rms_norm")

    @classmethod
    def refuses(cls, case: RmsNormCase, device: Device) -> str | None:
        """What the library lacks, whatever the dtype."""
        return vendor.why_not("_C", "rms_norm", "fused_add_rms_norm")

    @classmethod
    def note(cls, device: Device) -> str:
        """In vLLM x itself becomes the result."""
        return "with a residual, a copy of x comes on top: the fused kernel works in place"

    def __call__(self, *, x: Tensor, gamma: Tensor, residual: Tensor | None) -> Tensor:
        """Adds x to the residual in place, where there is one."""
        if residual is None:
            out = torch.empty_like(x)
            self._norm(out, x, gamma, self.case.eps)
        else:
            out = x.clone()
            self._add_norm(out, residual, gamma, self.case.eps)
        return out
