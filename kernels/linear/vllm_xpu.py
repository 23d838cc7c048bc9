"""``linear`` by vllm-xpu-kernels: oneDNN's int4 and fp8 products, as vLLM calls them on XPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from truetpot.kernels._lib.vendors import vllm_xpu as vendor

from truetpot.formats import Weight
from truetpot.formats.woq_int4 import paired
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TORCH_DTYPE

BLOCK = 64
_INT4 = ("sym_int4", "woq_int4")
_OPERATORS = ("int4_gemm_w4a16", "fp8_gemm_w8a16")


@register(LINEAR, provider="vllm_xpu", devices=("xpu",))
class VllmXpuLinear(Kernel):
    """x [m, k], weight as :meth:`pack` leaves it, bias [n] or None; out [m, n] in ``dtype``."""

    def __init__(self, case: LinearCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._int4, self._fp8 = (vendor.operator("_xpu_C", name) for name in _OPERATORS)

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """Symmetric int4, and fp8 without scales of blocks."""
        if reason := vendor.why_not("_xpu_C", *_OPERATORS):
            return reason
        if case.dtype == "fp32":
            return "vllm-xpu-kernels' products take fp16 and bf16 activations, not fp32"
        if case.weight_format not in (*_INT4, "fp8_e5m2"):
            return f"vllm-xpu-kernels has no 16-bit product with {case.weight_format} weights"
        return None

    def pack(self, weight: Weight) -> tuple[Tensor, ...]:
        """int4: int32 [k/8, n] seen through [n, k/8], scales [k/64, n], zero point 8.

        fp8: float8_e5m2 [k, n] seen through [n, k], and the scale 1.
        """
        upload = self.device.upload
        if weight.format == "fp8_e5m2":
            return upload(weight.codes).view(torch.float8_e5m2).t(), upload(np.ones(1, np.float32))
        assert weight.scales is not None
        codes = weight.codes if weight.format == "woq_int4" else paired(weight.codes)
        scales = upload(np.ascontiguousarray(weight.scales.T)).to(TORCH_DTYPE[self.case.dtype])
        zero = upload(np.array([8], np.int8))
        return upload(np.ascontiguousarray(codes).view(np.int32)).t(), scales, zero

    def __call__(self, *, x: Tensor, weight: tuple[Tensor, ...], bias: Tensor | None) -> Tensor:
        """One product, the bias included."""
        out: Tensor
        if len(weight) == 2:
            out = self._fp8(x, *weight, bias)
        else:
            codes, scales, zero = weight
            out = self._int4(x, codes, bias, scales, zero, BLOCK, None)
        return out
