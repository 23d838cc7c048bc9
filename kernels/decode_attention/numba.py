"""``decode_attention`` on the CPU: K and V read once for all heads of a group, split over tokens.

A work item is one sequence, one KV head and a range of tokens. It walks the range in tiles, and
prefetches the next tile's rows (by default), one for each row it uses: there is too much arithmetic
between two loads for the hardware to look ahead by itself. The tile's keys give the scores of the
whole group, an online softmax updates maximum and sum, and the tile's values are added up. Partial
results of a sequence are combined at the end.

Several query tokens of a sequence are further rows beside the heads of the group: the cache is read
once for all of them, and scores of tokens that a row does not see are lowered before the softmax.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product
from typing import Any

import torch
from numba import get_num_threads
from truetpot.kernels._lib.numba.attention.compiled import STATE, Compiled
from truetpot.kernels._lib.numba.attention.sweep import attend

from truetpot.ops import DECODE_ATTENTION, MOST_QUERY_TOKENS, DecodeAttentionCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime import simd
from truetpot.runtime.device import Device
from truetpot.runtime.simd import LOADS

TILE = (64, 32, 128)
"""Tokens whose keys, then values, are gone through; here as below the default comes first."""
AHEAD = (1, 0)
"""Whether the next tile's rows are prefetched meanwhile."""
ITEMS = (4, 1, 2, 8)
"""Ranges of tokens for a thread: many let no core wait for another, few have less to combine."""


@register(DECODE_ATTENTION, provider="numba", devices=("cpu",))
class NumbaDecodeAttention(Kernel):
    """softmax(q K^T / sqrt(d)) V over a contiguous or paged cache, ragged or not."""

    most_query_tokens = MOST_QUERY_TOKENS

    def __init__(self, case: DecodeAttentionCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.rows, tail = case.query_tokens * (case.heads // case.kv_heads), case.query_tokens
        tile, ahead = config.get("tile", TILE[0]), bool(config.get("ahead", AHEAD[0]))
        made = Compiled(case.dtype, case.kv_format, self.rows, tail, case.head_dim, tile, ahead)
        self.tile, self.by_dot, self.run = tile, made.by_dot, attend(made)
        pairs = case.batch * case.kv_heads
        self.most_splits = -(-config.get("items", ITEMS[0]) * get_num_threads() // pairs)
        self.partial = torch.empty((pairs * self.most_splits, self.rows, case.head_dim + STATE))
        self.scores = torch.empty((pairs * self.most_splits, self.rows, tile))
        self.products = torch.empty((pairs * self.most_splits, self.rows, 4 * simd.LANES))
        self.offsets = torch.empty((pairs * self.most_splits, 2 * tile), dtype=torch.int64)
        self.identity = torch.arange(case.batch, dtype=torch.int32)

    @classmethod
    def refuses(cls, case: DecodeAttentionCase, device: Device) -> str | None:
        """Heads are read in whole vectors."""
        if case.head_dim % simd.LANES:
            return f"head_dim must be a multiple of {simd.LANES}, not {case.head_dim}"
        return None if case.kv_format in LOADS else f"no KV cache in {case.kv_format}"

    @classmethod
    def configs(cls, case: DecodeAttentionCase, device: Device) -> Iterable[Config]:
        """The default first; the tile is whole vectors of scores."""
        names = ("tile", "ahead", "items")
        return (dict(zip(names, one, strict=True)) for one in product(TILE, AHEAD, ITEMS))

    @classmethod
    def note(cls, device: Device) -> str:
        """The code path that this processor takes."""
        return simd.path_name()

    def __call__(
        self,
        *,
        q: torch.Tensor,
        k_cache: torch.Tensor,
        v_cache: torch.Tensor,
        block_table: torch.Tensor | None,
        lengths: torch.Tensor,
        max_length: int,
    ) -> torch.Tensor:
        case = self.case
        by_token = (case.batch, case.query_tokens, case.kv_heads, -1, case.head_dim)
        query = q.view(by_token).transpose(1, 2).contiguous()  # of one token: the same memory
        out = torch.empty_like(query)
        if not self.by_dot:
            query = query.to(torch.float32)
        table = self.identity if block_table is None else block_table
        splits = max(1, min(self.most_splits, -(-max_length // self.tile)))
        self.run(
            query.data_ptr(), k_cache.data_ptr(), v_cache.data_ptr(),
            table.data_ptr(), table.shape[-1] if block_table is not None else 1,
            lengths.data_ptr(), out.data_ptr(),
            self.partial.data_ptr(), self.scores.data_ptr(), self.products.data_ptr(),
            self.offsets.data_ptr(),
            case.batch, case.kv_heads, k_cache.shape[2], splits, 1 / math.sqrt(case.head_dim),
        )
        return out.transpose(1, 2).reshape(q.shape)
