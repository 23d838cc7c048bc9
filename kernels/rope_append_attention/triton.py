"""``rope_append_attention`` in Triton: each program of the attention rotates the query it needs.

That is a few hundred multiplications, and a launch less. K and V of the new token are written by
the program whose range it is in, before that reads the range.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from truetpot.kernels._triton import DEVICES, note
from truetpot.kernels.decode_attention.triton import Attention, Rope, configs, refuses

from truetpot.ops import ROPE_APPEND_ATTENTION, CompositeCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.ops.rope_append_attention import roped_attention
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice


@register(ROPE_APPEND_ATTENTION, provider="triton", devices=DEVICES)
class TritonRopeAppendAttention(Kernel):
    """qkv [batch, (heads + 2 kv_heads) head_dim]; out [batch, heads, head_dim]."""

    def __init__(self, case: CompositeCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        rope, attention = roped_attention(case)
        self.attention = Attention(attention, device, config)
        self.config, self.eps = self.attention.config, rope.eps

    @classmethod
    def refuses(cls, case: CompositeCase, device: Device) -> str | None:
        """As the attention."""
        return refuses(roped_attention(case)[1])

    @classmethod
    def note(cls, device: Device) -> str:
        """Which Triton."""
        return note(device)

    @classmethod
    def configs(cls, case: CompositeCase, device: Device) -> Iterable[Config]:
        """As the attention's."""
        return configs(roped_attention(case)[1], device)

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
        """One launch; ``positions`` are one less than ``lengths``, and not read."""
        rope = Rope(cos_sin, q_norm, k_norm, self.eps)
        return self.attention(qkv, k_cache, v_cache, block_table, lengths, max_length, rope)
