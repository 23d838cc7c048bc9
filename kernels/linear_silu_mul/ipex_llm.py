"""``linear_silu_mul`` by ipex-llm on XPU: its fused ``mlp_forward_xpu``, for one row."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from truetpot.kernels._lib.vendors import ipex_llm as vendor

from truetpot.facts.ipex_llm import fuses_mlp, qtypes
from truetpot.formats import Weight, rows
from truetpot.ops import LINEAR_SILU_MUL, CompositeCase, LinearCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device

_SILU = 0
"""The number that ipex-llm's models pass for their activation."""
_FORMATS = ("sym_int4", "woq_int4", "fp8_e5m2", "fp4", "fp6")


@register(LINEAR_SILU_MUL, provider="ipex_llm", devices=("xpu",))
class IpexLlmMlp(Kernel):
    """x [1, k]; gate and up as two weights in the vendor's XPU layout; out [1, n / 2]."""

    def __init__(self, case: CompositeCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        linear = case.part(LinearCase)
        self._shape = (linear.m, linear.k, linear.n // 2)
        self._qtype = qtypes()[linear.weight_format]
        self._forward = vendor.operator("mlp_forward_xpu")

    @classmethod
    def refuses(cls, case: CompositeCase, device: Device) -> str | None:
        """ipex-llm fuses one row of some formats; other MLPs it runs layer by layer."""
        if reason := vendor.why_not_xpu(("mlp_forward_xpu",), "xe_linear"):
            return reason
        linear = case.part(LinearCase)
        form = linear.weight_format
        if form not in _FORMATS or not fuses_mlp(vendor.family(device.name), form, linear.m):
            return f"ipex-llm does not fuse an MLP of {linear.m} row(s) with {form} weights"
        if linear.dtype == "bf16":
            return "ipex-llm's kernels take fp16 and fp32 activations, not bf16"
        if linear.k % vendor.BLOCK:
            return f"ipex-llm takes K in blocks of {vendor.BLOCK}, not {linear.k}"
        return None

    def pack(self, weight: Weight) -> tuple[Tensor, Tensor]:
        """Gate and up are apart in ipex-llm's models."""
        n = weight.shape[0]
        gate, up = rows(weight, 0, n // 2), rows(weight, n // 2, n)
        upload = self.device.upload
        return upload(vendor.xpu_layout(gate)), upload(vendor.xpu_layout(up))

    def __call__(self, *, x: Tensor, weight: tuple[Tensor, Tensor], bias: None) -> Tensor:
        """One fused kernel."""
        out: Tensor = self._forward(x, *weight, *self._shape, _SILU, self._qtype)
        return out
