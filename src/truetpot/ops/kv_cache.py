"""The KV cache that ``rope_append`` writes and ``decode_attention`` reads.

Contiguous: ``[batch, kv_heads, capacity, head_dim]``. Paged: ``[pages, kv_heads, page, head_dim]``
with a block table ``int32 [batch, pages a sequence]``; a contiguous cache is a paged one whose page
is the capacity and whose table is the identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import ml_dtypes
import numpy as np

from truetpot.ops.arrays import NUMPY_DTYPE, normal
from truetpot.ops.operator import Case

MOST_QUERY_TOKENS = 8
"""Of a sequence in one step: a drafted tail of seven, and the token before it."""
UNUSED = 1e4
"""What tests put in cache slots beyond a sequence's length: finite, as a real cache's leftovers
are (or the largest that the format has), and large enough that reading one shows."""


@dataclass(frozen=True)
class KvCase(Case):
    """Heads and cache shared by the two operators; ``page`` None means contiguous.

    A step that verifies drafted tokens has ``query_tokens`` of each sequence, side by side as rows:
    row ``s * query_tokens + i`` is token i of sequence s. They are the last tokens of ``context``.
    """

    batch: int
    heads: int
    kv_heads: int
    head_dim: int
    context: int
    kv_format: str
    page: int | None = None
    ragged: bool = False
    query_tokens: int = field(default=1, kw_only=True, metadata={"unsaid": 1})

    @property
    def rows(self) -> int:
        """Query tokens of all sequences."""
        return self.batch * self.query_tokens

    def lengths(self) -> np.ndarray:
        """Tokens of each sequence, int32 [batch]: all ``context``, or down to its own if ragged."""
        if not self.ragged:
            return np.full(self.batch, self.context, dtype=np.int32)
        return np.linspace(self.context, self.query_tokens, self.batch).astype(np.int32)

    def positions(self) -> np.ndarray:
        """Where each row's token is in its sequence, int32 [rows]."""
        first = self.lengths() - self.query_tokens
        return (first[:, None] + np.arange(self.query_tokens, dtype=np.int32)).reshape(-1)

    def capacity(self) -> int:
        """Slots a sequence has: the context and a few unused ones, whole pages where paged."""
        slots = self.context + 3
        return slots if self.page is None else -(-slots // self.page) * self.page


def random_cache(case: KvCase, rng: np.random.Generator) -> dict[str, np.ndarray | None]:
    """k_cache, v_cache, block_table: random where in use, shuffled pages, ``UNUSED`` elsewhere."""
    capacity, page = case.capacity(), case.page or case.capacity()
    per_sequence = capacity // page
    # two pages more than needed, so that a kernel that ignores the table is caught
    spare = 0 if case.page is None else 2
    pages = case.batch * per_sequence + spare
    table = rng.permutation(pages)[: case.batch * per_sequence].reshape(case.batch, per_sequence)
    if case.page is None:
        table = np.arange(case.batch).reshape(case.batch, 1)
    shape = (pages, case.kv_heads, page, case.head_dim)
    caches = {}
    for name in ("k_cache", "v_cache"):
        dtype = NUMPY_DTYPE[case.kv_format]
        most = float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]
        cache = np.full(shape, min(UNUSED, most), dtype=dtype)
        for row, length in zip(table, case.lengths(), strict=True):
            used = normal(rng, (case.kv_heads, int(length), case.head_dim), case.kv_format)
            for i, start in enumerate(range(0, int(length), page)):
                chunk = used[:, start : start + page]
                cache[row[i], :, : chunk.shape[1]] = chunk
        caches[name] = cache
    paged = None if case.page is None else table.astype(np.int32)
    return caches | {"block_table": paged}


def sequence(cache: np.ndarray, table: np.ndarray | None, index: int, length: int) -> np.ndarray:
    """K or V of one sequence: [kv_heads, length, head_dim] in the cache's dtype."""
    if table is None:
        return cache[index, :, :length]
    pages = cache[table[index]]  # [pages, kv_heads, page, head_dim]
    joined = pages.transpose(1, 0, 2, 3).reshape(cache.shape[1], -1, cache.shape[3])
    return joined[:, :length]
