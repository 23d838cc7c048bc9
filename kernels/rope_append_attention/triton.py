"""``rope_append_attention`` in Triton: each program of the attention rotates the queries it needs.

That is a few hundred multiplications a token, and a launch less. K and V of a new token are written
by the program whose range it is in, before that reads the range.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from truetpot.kernels._lib.triton.attention.launch import Attention, Rope, configs, refuses
from truetpot.kernels._lib.triton.common import DEVICES, note

from truetpot.ops import (
    MOST_QUERY_TOKENS,
    ROPE_APPEND_ATTENTION,
    CompositeCase,
    DecodeAttentionCase,
    RopeAppendCase,
)
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice


@register(ROPE_APPEND_ATTENTION, provider="triton", devices=DEVICES)
class TritonRopeAppendAttention(Kernel):
    """qkv [rows, (heads + 2 kv_heads) head_dim]; out [rows, heads, head_dim]."""

    most_query_tokens = MOST_QUERY_TOKENS

    def __init__(self, case: CompositeCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.attention = Attention(case.part(DecodeAttentionCase), device, config)
        self.config, self.eps = self.attention.config, case.part(RopeAppendCase).eps

    @classmethod
    def refuses(cls, case: CompositeCase, device: Device) -> str | None:
        """What the attention kernel does not take."""
        return refuses(case.part(DecodeAttentionCase))

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    @classmethod
    def configs(cls, case: CompositeCase, device: Device) -> Iterable[Config]:
        """Those of the attention kernel that it stands on."""
        return configs(case.part(DecodeAttentionCase), device)

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
        lengths: Tensor,
        max_length: int,
    ) -> Tensor:
        """One launch; ``positions`` follow from ``lengths``, and are not read."""
        rope = Rope(cos_sin, q_norm, k_norm, self.eps)
        return self.attention(qkv, k_cache, v_cache, block_table, lengths, max_length, rope)
