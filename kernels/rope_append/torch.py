"""``rope_append`` by torch: composed of its elementwise operators, in float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from truetpot.ops import MOST_QUERY_TOKENS, ROPE_APPEND, RopeAppendCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice


@register(ROPE_APPEND, provider="torch", devices=("torch",))
class TorchRopeAppend(Kernel):
    """qkv [rows, (heads + 2 kv_heads) head_dim]; returns q [rows, heads, head_dim].

    Positions and tables stay on the device: indexing by them does not make the host wait.
    """

    most_query_tokens = MOST_QUERY_TOKENS

    def __init__(self, case: RopeAppendCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._sequences = torch.arange(case.rows, device=device.torch) // case.query_tokens
        self._split = (case.heads, case.kv_heads, case.kv_heads)

    @classmethod
    def note(cls, device: Device) -> str:
        """torch has no such operator."""
        return "composed of elementwise operators, a kernel each"

    def __call__(
        self,
        *,
        qkv: Tensor,
        positions: Tensor,
        cos_sin: Tensor,
        k_cache: Tensor,
        v_cache: Tensor,
        block_table: Tensor | None,
        q_norm: Tensor | None,
        k_norm: Tensor | None,
    ) -> Tensor:
        """Rotate, and write k and v where the block table says."""
        case = self.case
        q, k, v = qkv.view(case.rows, -1, case.head_dim).split(self._split, dim=1)
        cos, sin = cos_sin[positions][:, None].chunk(2, dim=-1)
        q = _rotated(q.float(), q_norm, cos, sin, case.eps)
        k = _rotated(k.float(), k_norm, cos, sin, case.eps)
        if block_table is None:
            block, slot = self._sequences, positions
        else:
            page = k_cache.shape[2]
            block, slot = block_table[self._sequences, positions // page], positions % page
        for cache, new in ((k_cache, k), (v_cache, v)):
            new = new.to(cache.dtype)
            if cache.itemsize == 1:  # torch cannot store fp8 by index
                cache, new = cache.view(torch.uint8), new.view(torch.uint8)
            cache[block, :, slot] = new
        return q.to(qkv.dtype)


def _rotated(x: Tensor, gamma: Tensor | None, cos: Tensor, sin: Tensor, eps: float) -> Tensor:
    """x float32 [batch, heads, head_dim], normed first where there is a gamma."""
    if gamma is not None:
        x = functional.rms_norm(x, gamma.shape, gamma.float(), eps)
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
