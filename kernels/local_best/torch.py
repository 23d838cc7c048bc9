"""``local_best`` by torch: a gather and a stack."""

from __future__ import annotations

import torch
from torch import Tensor

from truetpot.ops import LOCAL_BEST
from truetpot.ops.registry import Kernel, register


@register(LOCAL_BEST, provider="torch", devices=("torch",))
class TorchLocalBest(Kernel):
    """logits [m, vocab], ids int64 [m]; out float32 [m, 2]."""

    def __call__(self, *, logits: Tensor, ids: Tensor) -> Tensor:
        """Value and id of each row."""
        values = logits.gather(1, ids[:, None])
        return torch.cat((values.float(), ids[:, None].float()), dim=1)
