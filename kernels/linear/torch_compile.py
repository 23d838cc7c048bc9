"""``linear`` as torch's own compiler writes it: on some shapes faster than cuBLAS at batch 1.

``(w * x).sum(-1)`` becomes one reduction kernel by Inductor, as gpt-fast found. One row only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from truetpot.formats import Weight
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TORCH_DTYPE


@register(LINEAR, provider="torch_compile", devices=("cuda", "xpu"))
class CompiledLinear(Kernel):
    """x [1, k], W [n, k] in the activations' dtype, bias [n] or None; out [1, n]."""

    def __init__(self, case: LinearCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.product = torch.compile(_product, mode="max-autotune-no-cudagraphs", dynamic=False)

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """One row, weights as the activations."""
        if case.m > 1:
            return f"one row of x, not {case.m}"
        if case.weight_format != case.dtype:
            return f"weights in the activations' {case.dtype}, not {case.weight_format}"
        return None

    def pack(self, weight: Weight) -> Tensor:
        """[n, k] as it is."""
        codes: Tensor = self.device.upload(weight.codes)
        return codes.to(TORCH_DTYPE[self.case.dtype])

    def __call__(self, *, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """One reduction."""
        return self.product(x, weight, bias)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    y = (weight.float() * x.float()).sum(-1)
    if bias is not None:
        y = y + bias.float()
    return y.to(x.dtype)[None]
