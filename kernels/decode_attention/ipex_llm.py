"""``decode_attention`` by ipex-llm on XPU: ``sdp``, which takes one query over a longer cache.

Its fp8 cache has a format of its own (1-4-3 bits with a fixed exponent offset), which no case here
has: ``sdp_fp8`` is not called.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from truetpot.kernels._lib.vendors import ipex_llm as vendor
from truetpot.kernels._lib.vendors import native

from truetpot.ops import DECODE_ATTENTION, DecodeAttentionCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device

_HEAD_DIMS = (64, 80, 96, 128, 192, 256)


@register(DECODE_ATTENTION, provider="ipex_llm", devices=("xpu",))
class IpexLlmDecodeAttention(Kernel):
    """q [batch, heads, head_dim], contiguous caches; out as q."""

    def __init__(self, case: DecodeAttentionCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._sdp = vendor.operator("sdp")
        # 2.6.0 divides by sqrt(head_dim) itself, 2.7.0 is given the scale
        scaled = "scale" in native.arguments("ipex_llm", "sdp")
        self._scale = (case.head_dim**-0.5,) if scaled else ()

    @classmethod
    def refuses(cls, case: DecodeAttentionCase, device: Device) -> str | None:
        """What ``scaled_dot_product_attention`` of ipex-llm sends elsewhere."""
        if reason := vendor.why_not_xpu(("sdp",), "xe_addons"):
            return reason
        if case.dtype == "bf16" or case.kv_format != case.dtype:
            return (
                "ipex-llm's sdp takes fp16 or fp32 and a cache of the same; "
                f"not {case.dtype} over {case.kv_format}"
            )
        if case.head_dim not in _HEAD_DIMS:
            return f"ipex-llm's sdp has heads of {_HEAD_DIMS}, not {case.head_dim}"
        if case.page is not None or case.ragged:
            return "ipex-llm's sdp takes a contiguous cache of one length"
        if case.context == 1:
            return "over one token ipex-llm runs sdp_non_causal"
        return None

    def __call__(
        self,
        *,
        q: Tensor,
        k_cache: Tensor,
        v_cache: Tensor,
        block_table: None,
        lengths: Tensor,
        max_length: int,
    ) -> Tensor:
        """The used part of the caches as a view, as ipex-llm's own pre-allocated ones."""
        k, v = k_cache[:, :, :max_length], v_cache[:, :, :max_length]
        out: Tensor = self._sdp(q[:, :, None], k, v, None, *self._scale)
        return out[:, :, 0]
