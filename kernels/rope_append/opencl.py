"""``rope_append`` in OpenCL C: a work-group a head, of q, k and v alike."""

from __future__ import annotations

from typing import Any

from truetpot.kernels._lib.opencl.kernel import OpenClKernel

from truetpot.ops import ROPE_APPEND, RopeAppendCase
from truetpot.ops.registry import register
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.target import Target


@register(ROPE_APPEND, provider="opencl", devices=("opencl",))
class OpenClRopeAppend(OpenClKernel):
    """qkv [batch, (heads + 2 kv_heads) head_dim]; returns q [batch, heads, head_dim]."""

    half = False
    most_query_tokens = 8

    @classmethod
    def builds(cls, case: RopeAppendCase, target: Target, **config: Any) -> tuple[Build, ...]:
        """One kernel for the case."""
        macros: dict[str, int | str | float] = {
            "DTYPE": case.dtype,
            "KV": case.kv_format,
            "D": case.head_dim,
            "NORM": int(case.qk_norm),
            "PAGED": int(case.page is not None),
            "TAIL": case.query_tokens,
        }
        variant = f"{case.dtype} kv={case.kv_format} head_dim={case.head_dim}"
        variant += f" query_tokens={case.query_tokens}" * (case.query_tokens > 1)
        variant += " norm" * case.qk_norm + " paged" * (case.page is not None)
        return (Build("rope_append/rope.cl", "rope", macros, variant),)

    @classmethod
    def refuses(cls, case: RopeAppendCase, device: Device) -> str | None:
        """A token's page is found by a shift."""
        if case.page is not None and case.page & (case.page - 1):
            return f"a page must be a power of two, not {case.page}"
        return super().refuses(case, device)

    def __call__(
        self,
        *,
        qkv: OpenClArray,
        positions: OpenClArray,
        cos_sin: OpenClArray,
        k_cache: OpenClArray,
        v_cache: OpenClArray,
        block_table: OpenClArray | None,
        q_norm: OpenClArray | None,
        k_norm: OpenClArray | None,
    ) -> OpenClArray:
        """Rotate, and write k and v where the block table says."""
        case = self.case
        q = self.empty(case.rows, case.heads, case.head_dim)
        half = case.head_dim // 2
        page = k_cache.shape[2] if block_table is None else k_cache.shape[2].bit_length() - 1
        rope = self.functions[0]
        rope(
            ((case.heads + 2 * case.kv_heads) * half, case.rows), (half, 1),
            qkv, positions, cos_sin, q, k_cache, v_cache, block_table, q_norm, k_norm,
            case.heads, case.kv_heads, page,
            0 if block_table is None else block_table.shape[1], case.eps,
        )  # fmt: skip
        return q
