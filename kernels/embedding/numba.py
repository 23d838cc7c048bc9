"""``embedding`` on the CPU: copy the rows."""

from __future__ import annotations

import torch
from numba import njit

from truetpot.ops import EMBEDDING
from truetpot.ops.registry import Kernel, register

_BITS = {2: torch.uint16, 4: torch.uint32}


@register(EMBEDDING, provider="numba", devices=("cpu",))
class NumbaEmbedding(Kernel):
    """out = table[ids], a row copied for each id."""

    def __call__(self, *, ids: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        out = torch.empty((len(ids), table.shape[1]), dtype=table.dtype)
        bits = _BITS[table.element_size()]
        copy_rows(ids.numpy(), table.view(bits).numpy(), out.view(bits).numpy())
        return out


@njit(boundscheck=False)
def copy_rows(ids, table, out):  # type: ignore[no-untyped-def]
    """ids int64 [m], table [vocab, hidden], out [m, hidden], the last two of any one dtype."""
    for row in range(len(ids)):
        out[row] = table[ids[row]]
