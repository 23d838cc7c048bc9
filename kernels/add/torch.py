"""``add`` by torch, in one kernel: ``torch.add``."""

from __future__ import annotations

from torch import Tensor

from truetpot.ops import ADD
from truetpot.ops.registry import Kernel, register


@register(ADD, provider="torch", devices=("torch",))
class TorchAdd(Kernel):
    """x, residual and out [m, n]."""

    def __call__(self, *, x: Tensor, residual: Tensor) -> Tensor:
        """One kernel."""
        return x + residual
