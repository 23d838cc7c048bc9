"""``decode_attention`` by IPEX: its paged attention for one query a sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from truetpot.kernels._lib.vendors import ipex as vendor

from truetpot.ops import DECODE_ATTENTION, DecodeAttentionCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device

_CPU_SCHEMA = (
    "single_query_cached_kv_attention(Tensor out, Tensor query, Tensor key_cache, "
    "Tensor value_cache, Tensor head_mapping, float scale, Tensor block_tables, "
    "Tensor context_lens, int block_size, SymInt max_context_len, Tensor? alibi_slopes, "
    "int window_size, float k_scale, float v_scale, float softcap) -> Tensor"
)
_MOST_ON_CPU = 128
"""Tokens a page: the operator ends the process at 1024, and its own users have 16 to 128."""


@register(DECODE_ATTENTION, provider="ipex", devices=("cpu",))
class IpexDecodeAttention(Kernel):
    """q [batch, heads, head_dim], paged caches; out as q."""

    def __init__(self, case: DecodeAttentionCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._attend = vendor.operator("single_query_cached_kv_attention")
        heads = torch.arange(case.kv_heads, dtype=torch.int32)
        self._head_mapping = heads.repeat_interleave(case.heads // case.kv_heads)

    @classmethod
    def refuses(cls, case: DecodeAttentionCase, device: Device) -> str | None:
        """Pages, of what the queries are in."""
        if reason := vendor.why_not("cpu", _CPU_SCHEMA):
            return reason
        if case.kv_format != case.dtype:
            return (
                f"IPEX's paged attention takes a cache in the activations' dtype, not "
                f"{case.kv_format} under {case.dtype}"
            )
        if case.page is None or case.page > _MOST_ON_CPU:
            return f"IPEX's paged attention takes pages of at most {_MOST_ON_CPU} tokens: --page 16"
        return None

    def __call__(
        self,
        *,
        q: Tensor,
        k_cache: Tensor,
        v_cache: Tensor,
        block_table: Tensor,
        lengths: Tensor,
        max_length: int,
    ) -> Tensor:
        """No window, no soft cap, no scales of a quantised cache."""
        out = torch.empty_like(q)
        self._attend(
            out,
            q,
            k_cache,
            v_cache,
            self._head_mapping,
            self.case.head_dim**-0.5,
            block_table,
            lengths,
            self.case.page,
            max_length,
            None,
            -1,
            1.0,
            1.0,
            -1.0,
        )
        return out


_XPU_SCHEMA = (
    "paged_attention(Tensor out, Tensor query, Tensor key_cache, Tensor value_cache, "
    "Tensor block_tables, Tensor context_lens, int queries_per_kv, float scale, int block_size, "
    "int max_context_len, Tensor? alibi_slopes, float softcap) -> ()"
)
_XPU_PAGES = (16, 32)
_XPU_HEAD_DIM = 256


@register(DECODE_ATTENTION, provider="ipex", devices=("xpu",))
class IpexXpuDecodeAttention(Kernel):
    """q [batch, heads, head_dim], paged caches of one kv head; out as q. Not run on a card yet.

    The operator reads pages of [token, kv head, head_dim]; here they are [kv head, token,
    head_dim]. Where a rank has one kv head the two are the same, else every call would have to copy
    the cache.
    """

    def __init__(self, case: DecodeAttentionCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._attend = vendor.operator("paged_attention")

    @classmethod
    def refuses(cls, case: DecodeAttentionCase, device: Device) -> str | None:
        """What its second version has kernels for."""
        if reason := vendor.why_not("xpu", _XPU_SCHEMA):
            return reason
        if case.kv_format != case.dtype or case.dtype == "fp32":
            return (
                "IPEX's paged attention takes fp16 or bf16 and a cache of the same; "
                f"not {case.dtype} over {case.kv_format}"
            )
        if case.page not in _XPU_PAGES or case.head_dim > _XPU_HEAD_DIM:
            return f"IPEX's paged attention on XPU has pages of {_XPU_PAGES}, heads up to 256"
        if case.kv_heads > 1:
            return "IPEX's paged attention on XPU has the kv heads behind the tokens of a page"
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """How far it has been tried."""
        return vendor.UNTRIED

    def __call__(
        self,
        *,
        q: Tensor,
        k_cache: Tensor,
        v_cache: Tensor,
        block_table: Tensor,
        lengths: Tensor,
        max_length: int,
    ) -> Tensor:
        """No slopes, no soft cap."""
        out = torch.empty_like(q)
        self._attend(
            out,
            q,
            k_cache.transpose(1, 2),  # of one head: the same memory
            v_cache.transpose(1, 2),
            block_table,
            lengths,
            self.case.heads,
            self.case.head_dim**-0.5,
            self.case.page,
            max_length,
            None,
            -1.0,
        )
        return out
