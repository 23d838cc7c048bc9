"""``linear`` by ipex-llm's ``torch_fp8_e5m2`` on XPU: ``run_linear_fp8``, oneDNN's product.

Since 2.3.0 beside ``fp8``, which is the ``ipex_llm`` provider's: there the weight has blocks, here
one fp32 scale. It is 1 where the canonical weight has none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from truetpot.kernels._lib.vendors import ipex_llm as vendor

from truetpot.formats import Weight
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device


@register(LINEAR, provider="ipex_llm_torch_fp8", devices=("xpu",))
class IpexLlmTorchFp8(Kernel):
    """x [m, k], weight [n, k] float8_e5m2 with one scale, bias [n] or None; out [m, n]."""

    def __init__(self, case: LinearCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._forward = vendor.operator("run_linear_fp8")

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """Weights without scales of blocks; activations that ipex-llm's users have."""
        if reason := vendor.why_not_xpu(("run_linear_fp8",), "xe_linear"):
            return reason
        if case.weight_format != "fp8_e5m2":
            return f"one scale a matrix: fp8_e5m2, not {case.weight_format}"
        if case.dtype == "bf16":
            return "ipex-llm's kernels take fp16 and fp32 activations, not bf16"
        return None

    def pack(self, weight: Weight) -> tuple[Tensor, Tensor]:
        """The codes as they are, and the scale."""
        codes: Tensor = self.device.upload(weight.codes)
        return codes.view(torch.float8_e5m2), self.device.upload(np.ones(1, np.float32))

    def __call__(self, *, x: Tensor, weight: tuple[Tensor, Tensor], bias: Tensor | None) -> Tensor:
        """The bias is the product's own here."""
        codes, scale = weight
        out: Tensor = self._forward(x, codes, bias, scale)
        return out
