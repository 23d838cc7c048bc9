"""``silu_mul`` by torch: ``F.silu`` and a product."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from truetpot.ops import SILU_MUL
from truetpot.ops.registry import Kernel, register


@register(SILU_MUL, provider="torch", devices=("torch",))
class TorchSiluMul(Kernel):
    """gate_up [m, 2 n]; out [m, n]."""

    def __call__(self, *, gate_up: Tensor) -> Tensor:
        """Two kernels; the activated gate is written and read between them."""
        gate, up = gate_up.chunk(2, dim=-1)
        return functional.silu(gate) * up
