"""``rope_append`` by ipex-llm on XPU: ``rotary_half_with_cache_inplaced`` between torch's copies.

ipex-llm rotates q and k where the projection left them, and has cosines and sines of the step ready
for all its layers. Here qkv is an input only and the table belongs to the call, so a copy and a
gather come on top, and so do the two cache writes, which are torch's there too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from truetpot.kernels._lib.vendors import ipex_llm as vendor

from truetpot.ops import ROPE_APPEND, RopeAppendCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice


@register(ROPE_APPEND, provider="ipex_llm", devices=("xpu",))
class IpexLlmRopeAppend(Kernel):
    """qkv [batch, (heads + 2 kv_heads) head_dim]; returns q [batch, heads, head_dim]."""

    def __init__(self, case: RopeAppendCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._rotate = vendor.operator("rotary_half_with_cache_inplaced")
        self._sequences = torch.arange(case.batch, device=device.torch)

    @classmethod
    def refuses(cls, case: RopeAppendCase, device: Device) -> str | None:
        """The plain case: a contiguous cache in the activations' dtype, no norm of the heads."""
        if reason := vendor.why_not_xpu(("rotary_half_with_cache_inplaced",), "xe_addons"):
            return reason
        if case.dtype == "bf16" or case.kv_format != case.dtype:
            return (
                "ipex-llm rotates fp16 and fp32 and caches them as they are; "
                f"not {case.dtype} to {case.kv_format}"
            )
        if case.page is not None or case.qk_norm:
            return "composed here for a contiguous cache and heads without a norm only"
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """What is not the vendor's."""
        return "copy, gather of cosines and cache writes by torch"

    def __call__(
        self,
        *,
        qkv: Tensor,
        positions: Tensor,
        cos_sin: Tensor,
        k_cache: Tensor,
        v_cache: Tensor,
        block_table: None,
        q_norm: None,
        k_norm: None,
    ) -> Tensor:
        """Cosines and sines of a token are [batch, 1, head_dim], both halves alike."""
        case = self.case
        heads = qkv.view(case.batch, -1, 1, case.head_dim).clone()
        q, k, v = heads.split((case.heads, case.kv_heads, case.kv_heads), dim=1)
        half = cos_sin[positions][:, None].to(qkv.dtype)
        cos, sin = (part.repeat(1, 1, 2) for part in half.chunk(2, dim=-1))
        self._rotate(q, k, cos, sin)
        k_cache[self._sequences, :, positions] = k[:, :, 0]
        v_cache[self._sequences, :, positions] = v[:, :, 0]
        return q[:, :, 0]
