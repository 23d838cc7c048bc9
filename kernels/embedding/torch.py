"""``embedding`` by torch, a row a token: ``F.embedding``."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from truetpot.ops import EMBEDDING
from truetpot.ops.registry import Kernel, register


@register(EMBEDDING, provider="torch", devices=("torch",))
class TorchEmbedding(Kernel):
    """ids int64 [m], table [vocab, hidden]; out [m, hidden]."""

    def __call__(self, *, ids: Tensor, table: Tensor) -> Tensor:
        """Copy the rows."""
        return functional.embedding(ids, table)
