"""``best_of_ranks`` by torch's own elementwise operations."""

from __future__ import annotations

from torch import Tensor

from truetpot.ops import BEST_OF_RANKS
from truetpot.ops.registry import Kernel, register


@register(BEST_OF_RANKS, provider="torch", devices=("torch",))
class TorchBestOfRanks(Kernel):
    """best float32 [tp, m, 2]; out int64 [m]."""

    def __call__(self, *, best: Tensor) -> Tensor:
        """``max`` over the ranks gives the lowest of equals."""
        rank = best[:, :, 0].max(dim=0, keepdim=True).indices
        ids = best[:, :, 1].gather(0, rank).long()
        return (rank * self.case.part + ids)[0].clamp_(max=self.case.vocab - 1)
