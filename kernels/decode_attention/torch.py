"""``decode_attention`` by torch: ``F.scaled_dot_product_attention`` over one sequence a row."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from truetpot.ops import DECODE_ATTENTION, MOST_QUERY_TOKENS
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device


@register(DECODE_ATTENTION, provider="torch", devices=("torch",))
class TorchDecodeAttention(Kernel):
    """q [rows, heads, head_dim], caches of either layout; out as q."""

    most_query_tokens = MOST_QUERY_TOKENS

    @classmethod
    def note(cls, device: Device) -> str:
        """What is not attention proper."""
        return (
            "torch has no paged decode: pages are gathered into a contiguous copy in every call; "
            "so is a cache of another dtype than q"
        )

    def __call__(
        self,
        *,
        q: Tensor,
        k_cache: Tensor,
        v_cache: Tensor,
        block_table: Tensor | None,
        lengths: Tensor,
        max_length: int,
    ) -> Tensor:
        """Slots from ``max_length`` on are cut off; queries that see unlike ones get a mask."""
        case, tail = self.case, self.case.query_tokens
        if block_table is not None:
            used = block_table[:, : -(-max_length // k_cache.shape[2])]
            k_cache, v_cache = _gathered(k_cache, used), _gathered(v_cache, used)
        k = k_cache[:, :, :max_length].to(q.dtype)
        v = v_cache[:, :, :max_length].to(q.dtype)
        mask = None
        if case.ragged or tail > 1:
            slots = torch.arange(max_length, device=q.device)
            seen = lengths[:, None] - torch.arange(tail - 1, -1, -1, device=q.device)
            mask = (slots < seen[:, :, None])[:, None]
        queries = q.view(case.batch, tail, case.heads, case.head_dim).transpose(1, 2)
        out = functional.scaled_dot_product_attention(
            queries, k, v, attn_mask=mask, enable_gqa=True
        )
        return out.transpose(1, 2).reshape(q.shape)


def _gathered(cache: Tensor, table: Tensor) -> Tensor:
    """Pages [pages, kv_heads, page, d] by table [batch, n] as [batch, kv_heads, n page, d]."""
    bits = cache.view(torch.uint8) if cache.itemsize == 1 else cache  # torch cannot index by fp8
    return bits[table].transpose(1, 2).flatten(2, 3).view(cache.dtype)
