"""``decode_attention`` by torch's ``flex_attention``, compiled by Inductor with a split cache."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import flex_attention

from truetpot.ops import DECODE_ATTENTION, MOST_QUERY_TOKENS, DecodeAttentionCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device

_LEAST = 16
"""Dimensions of a head that its templates start from."""


@register(DECODE_ATTENTION, provider="torch_flex", devices=("cuda", "xpu"))
class FlexDecodeAttention(Kernel):
    """q [rows, heads, head_dim], contiguous caches; out as q."""

    most_query_tokens = MOST_QUERY_TOKENS

    def __init__(self, case: DecodeAttentionCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.attend = torch.compile(_attend, dynamic=False)

    @classmethod
    def refuses(cls, case: DecodeAttentionCase, device: Device) -> str | None:
        """Contiguous caches of q's own dtype; a power of two for a head."""
        if case.page is not None:
            return "flex_attention has no paged cache without a block mask made for every step"
        if case.kv_format != case.dtype:
            return f"flex_attention takes a cache of q's dtype, not {case.kv_format}"
        if case.head_dim < _LEAST or case.head_dim & (case.head_dim - 1):
            return f"flex_attention's templates have heads of powers of two, not {case.head_dim}"
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
        """Slots from ``max_length`` on are cut off; what a token does not see is masked."""
        case, tail = self.case, self.case.query_tokens
        k, v = k_cache[:, :, :max_length], v_cache[:, :, :max_length]
        queries = q.view(case.batch, tail, case.heads, case.head_dim).transpose(1, 2)
        masked = lengths if case.ragged or tail > 1 else None
        return self.attend(queries, k, v, masked).transpose(1, 2).reshape(q.shape)


def _attend(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor | None) -> Tensor:
    last = q.shape[2] - 1

    def used(score: Tensor, batch: Tensor, head: Tensor, row: Tensor, slot: Tensor) -> Tensor:
        assert lengths is not None
        return torch.where(slot < lengths[batch] - last + row, score, -float("inf"))

    score_mod = None if lengths is None else used
    out = flex_attention(q, k, v, score_mod=score_mod, enable_gqa=True)
    assert isinstance(out, Tensor)
    return out
