"""``decode_attention`` by vllm-xpu-kernels: the paged split-KV kernel of flash_attn_varlen_func.

The operator itself is called, with what ``flash_attn_varlen_func`` gives it for the query tokens of
a sequence, which are its last ones: of several, a causal mask from the lower right. The Python
function falls back to torch, silently, where no kernel was compiled.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from truetpot.kernels._lib.vendors import vllm_xpu as vendor

from truetpot.ops import DECODE_ATTENTION, MOST_QUERY_TOKENS, DecodeAttentionCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice

_TILE = 16
"""Tokens that a page has to hold whole multiples of: the smallest tile of the decode kernel."""


@register(DECODE_ATTENTION, provider="vllm_xpu", devices=("xpu",))
class VllmXpuDecodeAttention(Kernel):
    """q [rows, heads, head_dim], paged caches; out as q."""

    most_query_tokens = MOST_QUERY_TOKENS

    def __init__(self, case: DecodeAttentionCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._attend = vendor.operator("_vllm_fa2_C", "varlen_fwd")
        starts = torch.arange(case.batch + 1, dtype=torch.int32, device=device.torch)
        starts *= case.query_tokens
        self._starts, self._unused = starts, torch.empty_like(starts)

    @classmethod
    def refuses(cls, case: DecodeAttentionCase, device: Device) -> str | None:
        """Pages, in the activations' own 16 bits."""
        if reason := vendor.why_not("_vllm_fa2_C", "varlen_fwd"):
            return reason
        if case.dtype == "fp32" or case.kv_format != case.dtype:
            return (
                "vllm-xpu-kernels attends in fp16 or bf16, here without scales for another cache; "
                f"not {case.dtype} over {case.kv_format}"
            )
        if case.page is None or case.page % _TILE:
            return f"vllm-xpu-kernels decodes over pages of multiples of {_TILE}, not {case.page}"
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """Its cache is [pages, page, kv_heads, head_dim]."""
        return "pages seen through a transposed view, heads before tokens in memory"

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
        """The number of KV splits is left to the vendor's heuristic."""
        out: Tensor = self._attend(
            q,
            k_cache.transpose(1, 2),
            v_cache.transpose(1, 2),
            None,  # out
            self._starts,  # cu_seqlens_q
            self._unused,  # cu_seqlens_k, which a paged cache has not
            lengths,  # seqused_k
            None,  # leftpad_k
            block_table,
            None,  # alibi_slopes
            self.case.query_tokens,  # max_seqlen_q
            max_length,  # max_seqlen_k
            0.0,  # p_dropout
            None,  # q_scale
            None,  # k_scale
            None,  # v_scale
            self.case.head_dim**-0.5,  # softmax_scale
            None,  # softmax_sink
            False,  # zero_tensors
            self.case.query_tokens > 1,  # is_causal: one query sees all
            -1,  # window_size_left
            -1,  # window_size_right
            0.0,  # softcap
            False,  # return_softmax
            None,  # gen
            None,  # num_splits
            True,  # mix_batch, as flash_attn_varlen_func has it
            None,  # splits_per_seq
            None,  # work_list
        )[0]
        return out
