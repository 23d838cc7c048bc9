"""``decode_attention``: a sequence's query tokens over its cached keys and values.

One token in a plain step, several in one that verifies drafted tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from truetpot.ops.arrays import ITEMSIZE, exact
from truetpot.ops.inputs import HOST_INT, Input, Inputs, Known
from truetpot.ops.kv_cache import KvCase, cache_inputs, sequence
from truetpot.ops.operator import Operator, Outputs
from truetpot.ops.tolerance import tolerance


@dataclass(frozen=True)
class DecodeAttentionCase(KvCase):
    """q [rows, heads, head_dim]; caches as in :mod:`truetpot.ops.kv_cache`; lengths int32 [batch].

    The query tokens are the last ones of their sequence, and are counted in its length. Each sees
    the tokens up to and including itself.
    ``max_length`` is the longest of ``lengths``, known on the host, so that a kernel that needs it
    for its grid does not wait for the device. The scale is 1/sqrt(head_dim). out as q.
    """

    @property
    def tokens(self) -> int:
        """Of all sequences: each is read once for all queries that share it."""
        return int(self.lengths().sum())

    @property
    def pages_read(self) -> int:
        """Pages that the tokens lie in."""
        return int(np.ceil(self.lengths() / self.page_slots).sum())


class _DecodeAttention(Operator):
    name = "decode_attention"
    takes = (
        Input("q", ("rows", "heads", "head_dim")),
        *cache_inputs(tokens=("tokens", "kv_heads", "head_dim"), pages=("pages_read",)),
        Input("lengths", ("batch",), "int32", Known(KvCase.lengths)),
        Input("max_length", (), HOST_INT, Known(lambda case: int(case.lengths().max()))),
    )

    def writes(self, case: DecodeAttentionCase) -> Mapping[str, int]:
        """As many bytes as q has."""
        return {"out": case.rows * case.heads * case.head_dim * ITEMSIZE[case.dtype]}

    def flops(self, case: DecodeAttentionCase) -> int:
        """2 for q.K and 2 for p.V an element of head_dim, query token and token that it sees."""
        return 4 * case.heads * case.head_dim * int((case.positions() + 1).sum())

    def reference(self, case: DecodeAttentionCase, inputs: Inputs) -> Outputs:
        """softmax(q K^T / sqrt(d)) V, sequence by sequence."""
        q = exact(inputs["q"])
        out = np.empty_like(q)
        tail, group = case.query_tokens, case.heads // case.kv_heads
        by_head = (tail, case.kv_heads, group, case.head_dim)
        for i, length in enumerate(np.asarray(inputs["lengths"])):
            k, v = (
                exact(sequence(inputs[name], inputs["block_table"], i, int(length)))
                for name in ("k_cache", "v_cache")
            )
            own = slice(i * tail, (i + 1) * tail)
            scores = q[own].reshape(by_head) @ k.transpose(0, 2, 1) / np.sqrt(case.head_dim)
            for token in range(tail):
                scores[token, :, :, length - tail + token + 1 :] = -np.inf
            p = np.exp(scores - scores.max(axis=-1, keepdims=True))
            out[own] = (p / p.sum(axis=-1, keepdims=True) @ v).reshape(out[own].shape)
        return {"out": out}

    def tolerance(self, case: DecodeAttentionCase) -> float:
        """A dot over head_dim, then a mean over the context."""
        return tolerance(case.head_dim + case.context, case.dtype)

    def grid(self) -> Iterable[DecodeAttentionCase]:
        """Contexts, groupings, head sizes, pages, ragged rows, fp8 caches, query tokens."""
        for dtype, kv_format in (("bf16", "bf16"), ("fp16", "fp16"), ("fp32", "bf16")):
            for context in (1, 2, 17, 1024, 5120):
                yield DecodeAttentionCase(dtype, 1, 10, 2, 128, context, kv_format)
            for page in (8, 16, 64):
                yield DecodeAttentionCase(dtype, 1, 5, 1, 128, 1024, kv_format, page)
                yield DecodeAttentionCase(dtype, 3, 4, 2, 64, 77, kv_format, page, ragged=True)
            yield DecodeAttentionCase(dtype, 16, 4, 4, 64, 33, kv_format, ragged=True)
            yield DecodeAttentionCase(dtype, 2, 7, 1, 64, 130, kv_format, 16)
            yield DecodeAttentionCase(dtype, 2, 8, 1, 256, 40, kv_format)
        for kv_format in ("fp8_e5m2", "fp8_e4m3"):
            for dtype in ("bf16", "fp16"):
                yield DecodeAttentionCase(dtype, 1, 10, 2, 128, 1025, kv_format)
                yield DecodeAttentionCase(dtype, 3, 4, 2, 64, 77, kv_format, 16, ragged=True)
        yield from _with_tails()


def _with_tails() -> Iterable[DecodeAttentionCase]:
    """Query tokens across two pages, across two ranges of tokens, and with no context before."""
    yield DecodeAttentionCase("bf16", 1, 10, 2, 128, 1025, "bf16", query_tokens=4)
    for dtype, kv_format in (("bf16", "bf16"), ("fp16", "fp16"), ("fp32", "bf16")):
        yield DecodeAttentionCase(dtype, 3, 10, 2, 128, 66, kv_format, 16, True, query_tokens=4)
    yield DecodeAttentionCase("fp16", 3, 4, 2, 64, 77, "bf16", 8, ragged=True, query_tokens=2)
    yield DecodeAttentionCase("fp32", 2, 10, 2, 128, 4, "fp16", query_tokens=4)
    for kv_format in ("fp8_e5m2", "fp8_e4m3"):
        yield DecodeAttentionCase("bf16", 2, 5, 1, 128, 90, kv_format, 16, True, query_tokens=8)


DECODE_ATTENTION = _DecodeAttention()
