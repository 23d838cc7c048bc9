"""``rope_append`` on the CPU: norm, rotate and store head by head, all in float32."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from numba import njit

from truetpot.ops import MOST_QUERY_TOKENS, ROPE_APPEND, RopeAppendCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime import simd
from truetpot.runtime.device import Device
from truetpot.runtime.simd import LOADS, STORES


@register(ROPE_APPEND, provider="numba", devices=("cpu",))
class NumbaRopeAppend(Kernel):
    """Rotated q; rotated k and v in the cache."""

    most_query_tokens = MOST_QUERY_TOKENS

    def __init__(self, case: RopeAppendCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.run = rope_append(case.dtype, case.kv_format, case.head_dim, case.qk_norm)
        self.identity = torch.arange(case.batch, dtype=torch.int32)

    @classmethod
    def refuses(cls, case: RopeAppendCase, device: Device) -> str | None:
        """Half a head is read in whole vectors."""
        if case.head_dim % (2 * simd.LANES):
            return f"head_dim must be a multiple of {2 * simd.LANES}, not {case.head_dim}"
        return None if case.kv_format in STORES else f"no KV cache in {case.kv_format}"

    def __call__(
        self,
        *,
        qkv: torch.Tensor,
        positions: torch.Tensor,
        cos_sin: torch.Tensor,
        k_cache: torch.Tensor,
        v_cache: torch.Tensor,
        block_table: torch.Tensor | None,
        q_norm: torch.Tensor | None,
        k_norm: torch.Tensor | None,
    ) -> torch.Tensor:
        case = self.case
        q = torch.empty((case.rows, case.heads, case.head_dim), dtype=qkv.dtype)
        table = self.identity if block_table is None else block_table
        self.run(
            qkv.data_ptr(), positions.data_ptr(), cos_sin.data_ptr(),
            k_cache.data_ptr(), v_cache.data_ptr(),
            table.data_ptr(), 1 if block_table is None else table.shape[1],
            q_norm.data_ptr() if q_norm is not None else 0,
            k_norm.data_ptr() if k_norm is not None else 0,
            q.data_ptr(), case.rows, case.query_tokens,
            case.heads, case.kv_heads, k_cache.shape[2], case.eps,
        )
        return q


@cache
def rope_append(dtype: str, kv_format: str, head_dim: int, normed: bool) -> Callable[..., Any]:
    """njit over addresses, in the order of the call above."""
    load, lane_bytes = LOADS[dtype]
    store, size = STORES[dtype]
    store_kv, kv_size = STORES[kv_format]
    load_table = simd.load_f32
    mul, fma, splat, total, zero = simd.mul, simd.fma, simd.splat, simd.reduce_add, simd.zero
    peek = simd.peek_i32
    half = head_dim // 2
    row_bytes, half_bytes, kv_bytes = head_dim * size, half * size, head_dim * kv_size

    @njit(boundscheck=False)
    def scale_of(head, eps):  # type: ignore[no-untyped-def]
        sums = zero()
        for i in range(0, row_bytes, lane_bytes):
            x = load(head + i)
            sums = fma(x, x, sums)
        return splat(np.float32(1 / math.sqrt(total(sums) / head_dim + eps)))

    @njit(boundscheck=False)
    def rotated(head, norm, angles, eps, i):  # type: ignore[no-untyped-def]
        """Sixteen elements of each half, from element i on."""
        a, b = load(head + i * size), load(head + half_bytes + i * size)
        if normed:
            scale = scale_of(head, eps)
            a = mul(mul(a, scale), load(norm + i * size))
            b = mul(mul(b, scale), load(norm + half_bytes + i * size))
        cos, sin = load_table(angles + 4 * i), load_table(angles + 4 * (half + i))
        minus = mul(sin, splat(np.float32(-1.0)))
        return fma(a, cos, mul(b, minus)), fma(b, cos, mul(a, sin))

    @njit(boundscheck=False)
    def run(  # type: ignore[no-untyped-def]
        qkv, positions, cos_sin, k_cache, v_cache, table, width, q_norm, k_norm, q,
        rows, tokens, heads, kv_heads, page, eps,
    ):
        for row in range(rows):
            position = np.int64(peek(positions + 4 * row))
            angles = cos_sin + position * head_dim * 4
            block = np.int64(peek(table + 4 * (row // tokens * width + position // page)))
            at = qkv + row * (heads + 2 * kv_heads) * row_bytes
            for head in range(heads):
                to = q + (row * heads + head) * row_bytes
                for i in range(0, half, 16):
                    a, b = rotated(at + head * row_bytes, q_norm, angles, eps, i)
                    store(to + i * size, a, 16)
                    store(to + half_bytes + i * size, b, 16)
            keys, values = at + heads * row_bytes, at + (heads + kv_heads) * row_bytes
            for head in range(kv_heads):
                slot = ((block * kv_heads + head) * page + position % page) * kv_bytes
                for i in range(0, half, 16):
                    a, b = rotated(keys + head * row_bytes, k_norm, angles, eps, i)
                    store_kv(k_cache + slot + i * kv_size, a, 16)
                    store_kv(k_cache + slot + (half + i) * kv_size, b, 16)
                for i in range(0, head_dim, 16):
                    v = load(values + head * row_bytes + i * size)
                    store_kv(v_cache + slot + i * kv_size, v, 16)

    return run
