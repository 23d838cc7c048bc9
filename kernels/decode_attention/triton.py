"""``decode_attention`` in Triton: split over tokens, one launch, the last program combines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from truetpot.kernels._lib.triton.attention.launch import Attention, configs, refuses
from truetpot.kernels._lib.triton.common import DEVICES, note

from truetpot.ops import DECODE_ATTENTION, MOST_QUERY_TOKENS, DecodeAttentionCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice


@register(DECODE_ATTENTION, provider="triton", devices=DEVICES)
class TritonDecodeAttention(Kernel):
    """softmax(q K^T / sqrt(d)) V over a contiguous or paged cache, ragged or not."""

    most_query_tokens = MOST_QUERY_TOKENS

    def __init__(self, case: DecodeAttentionCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.attention = Attention(case, device, config)
        self.config = self.attention.config

    @classmethod
    def refuses(cls, case: DecodeAttentionCase, device: Device) -> str | None:
        """Sizes of blocks are powers of two."""
        return refuses(case)

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    @classmethod
    def configs(cls, case: DecodeAttentionCase, device: Device) -> Iterable[Config]:
        """The default, then whatever its parameters may be."""
        return configs(case, device)

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
        """One launch; out as q."""
        return self.attention(q, k_cache, v_cache, block_table, lengths, max_length)
