"""``silu_mul`` by the kernels of vLLM for XPU: ``silu_and_mul``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from truetpot.kernels._lib.vendors import vllm_xpu as vendor

from truetpot.ops import SILU_MUL, SiluMulCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device


@register(SILU_MUL, provider="vllm_xpu", devices=("xpu",))
class VllmXpuSiluMul(Kernel):
    """gate_up [m, 2 n]; out [m, n]."""

    def __init__(self, case: SiluMulCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._multiply = vendor.operator("_C", "silu_and_mul")

    @classmethod
    def refuses(cls, case: SiluMulCase, device: Device) -> str | None:
        """What the library lacks, whatever the dtype."""
        return vendor.why_not("_C", "silu_and_mul")

    def __call__(self, *, gate_up: Tensor) -> Tensor:
        """One kernel."""
        out = torch.empty(self.case.m, self.case.n, dtype=gate_up.dtype, device=gate_up.device)
        self._multiply(out, gate_up)
        return out
