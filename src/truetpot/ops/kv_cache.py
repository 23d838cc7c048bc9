"""The KV cache that ``rope_append`` writes and ``decode_attention`` reads.

Contiguous: ``[batch, kv_heads, capacity, head_dim]``. Paged: ``[pages, kv_heads, page, head_dim]``
with a block table ``int32 [batch, pages a sequence]``; a contiguous cache is a paged one whose page
is the capacity and whose table is the identity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import ml_dtypes
import numpy as np

from truetpot.ops.arrays import NUMPY_DTYPE, normal
from truetpot.ops.inputs import Axes, Category, Input, Inputs, Sized
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

    @property
    def page_slots(self) -> int:
        """Slots of a page; those of a whole sequence where the cache is contiguous."""
        return self.page or self.capacity()

    @property
    def pages_each(self) -> int:
        """Pages that each sequence has in the block table."""
        return self.capacity() // self.page_slots

    @property
    def pages(self) -> int:
        """Pages of the cache: two more than are used, so that a kernel without the table fails."""
        return self.batch * self.pages_each + (0 if self.page is None else 2)


def _shuffled(table: Sized, rng: np.random.Generator, before: Inputs) -> np.ndarray:
    """Pages in random order, each once."""
    used = rng.permutation(table.case.pages)[: math.prod(table.shape)]
    return used.reshape(table.shape).astype(np.int32)


def _in_use(cache: Sized, rng: np.random.Generator, before: Inputs) -> np.ndarray:
    """Normal where a token is; a large number in the other slots, where reading one shows."""
    case, dtype, table = cache.case, NUMPY_DTYPE[cache.dtype], before["block_table"]
    most = float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]
    drawn = np.full(cache.shape, min(UNUSED, most), dtype=dtype)
    for i, length in enumerate(case.lengths()):
        tokens = normal(rng, (case.kv_heads, int(length), case.head_dim), cache.dtype)
        for j, start in enumerate(range(0, int(length), case.page_slots)):
            part = tokens[:, start : start + case.page_slots]
            drawn[i if table is None else table[i, j], :, : part.shape[1]] = part
    return drawn


def cache_inputs(tokens: Axes, pages: Axes) -> tuple[Input, Input, Input]:
    """The block table and both caches: of which an operator reads so much."""
    shape = ("pages", "kv_heads", "page_slots", "head_dim")
    table = ("batch", "pages_each")
    return (
        Input("block_table", table, "int32", _shuffled, read=pages, given="page"),
        Input("k_cache", shape, "kv_format", _in_use, Category.CACHE, tokens),
        Input("v_cache", shape, "kv_format", _in_use, Category.CACHE, tokens),
    )


def sequence(cache: np.ndarray, table: np.ndarray | None, index: int, length: int) -> np.ndarray:
    """K or V of one sequence: [kv_heads, length, head_dim] in the cache's dtype."""
    if table is None:
        return cache[index, :, :length]
    pages = cache[table[index]]  # [pages, kv_heads, page, head_dim]
    joined = pages.transpose(1, 0, 2, 3).reshape(cache.shape[1], -1, cache.shape[3])
    return joined[:, :length]
