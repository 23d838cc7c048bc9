"""``rms_norm`` by torch, with the residual: ``F.rms_norm``."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from truetpot.ops import RMS_NORM
from truetpot.ops.registry import Kernel, register


@register(RMS_NORM, provider="torch", devices=("torch",))
class TorchRmsNorm(Kernel):
    """x [m, hidden], gamma [hidden], residual [m, hidden] or None; out as x."""

    def __call__(self, *, x: Tensor, gamma: Tensor, residual: Tensor | None) -> Tensor:
        """Adds x to the residual in place, where there is one."""
        if residual is not None:
            x = residual.add_(x)
        return functional.rms_norm(x, gamma.shape, gamma, self.case.eps)
