"""What is compiled into the attention of a CPU, and how its memory is laid out.

A work item has, for each row of queries, an accumulator of head_dim floats and beside it the row's
maximum and sum of the online softmax.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from truetpot.runtime import simd
from truetpot.runtime.simd import LOADS

STATE = 16
"""Floats beside a row's accumulator: maximum, sum, and room that keeps vectors aligned."""
LOWEST = np.float32(-3.0e38)
_MOST_AT_ONCE = 8
"""Rows whose sums of q.K the registers hold together."""


@dataclass(frozen=True)
class Compiled:
    """Shapes and formats of one compiled function; sizes are in bytes unless they say else."""

    dtype: str
    kv_format: str
    group: int
    """Rows of all ``tail`` query tokens of a sequence that share a KV head, token by token."""
    tail: int
    head_dim: int
    tile: int
    """Tokens whose keys, then values, are gone through."""
    ahead: bool
    """Whether the next tile's rows are prefetched meanwhile."""

    @property
    def by_dot(self) -> bool:
        """Whether both products go by ``vdpbf16ps``."""
        bf16 = self.dtype == self.kv_format == "bf16"
        return simd.HAS_BF16_DOT and bf16 and self.head_dim % 32 == 0

    @property
    def at_once(self) -> int:
        """Rows of queries that go through a product together."""
        return max(h for h in range(1, _MOST_AT_ONCE + 1) if self.group % h == 0)

    @property
    def chunks(self) -> int:
        """Vectors of floats in a head."""
        return self.head_dim // simd.LANES

    @property
    def q_size(self) -> int:
        """Of an element of the queries: bf16 as it is, everything else as float32."""
        return 2 if self.by_dot else 4

    @property
    def kv_size(self) -> int:
        """Of an element of the cache."""
        return LOADS[self.kv_format][1] // simd.LANES

    @property
    def row_bytes(self) -> int:
        """Of a token's keys, or values, of one head."""
        return self.head_dim * self.kv_size

    @property
    def acc_bytes(self) -> int:
        """Bytes of the accumulator of one row."""
        return 4 * self.head_dim

    @property
    def state_bytes(self) -> int:
        """From one row's accumulator to the next."""
        return 4 * (self.head_dim + STATE)
