"""``argmax`` by torch, the first of equal ones: ``torch.argmax``."""

from __future__ import annotations

import torch
from torch import Tensor

from truetpot.ops import ARGMAX
from truetpot.ops.registry import Kernel, register


@register(ARGMAX, provider="torch", devices=("torch",))
class TorchArgmax(Kernel):
    """logits [m, vocab]; out int64 [m]."""

    def __call__(self, *, logits: Tensor) -> Tensor:
        """Of equals, any."""
        return torch.argmax(logits, dim=-1)
