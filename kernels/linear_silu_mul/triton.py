"""``linear_silu_mul`` in Triton: a program has the same rows of gate and up and activates them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from truetpot.kernels._lib.triton.common import DEVICES, note
from truetpot.kernels._lib.triton.linear.configs import configs
from truetpot.kernels._lib.triton.linear.product import Product, refuses

from truetpot.formats import Weight
from truetpot.ops import LINEAR_SILU_MUL, CompositeCase, LinearCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice


@register(LINEAR_SILU_MUL, provider="triton", devices=DEVICES)
class TritonLinearSiluMul(Kernel):
    """silu(x G^T) * (x U^T), G the first half of the weight's rows."""

    def __init__(self, case: CompositeCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.product = Product(case.part(LinearCase), device, config, paired=True)

    @classmethod
    def refuses(cls, case: CompositeCase, device: Device) -> str | None:
        """As the linear, and no bias: no supported model has one here."""
        part = case.part(LinearCase)
        return "no bias in the fused kernel" if part.bias else refuses(part)

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    @classmethod
    def configs(cls, case: CompositeCase, device: Device) -> Iterable[Config]:
        """As the linear's: the launch has the same parameters."""
        return configs(case.part(LinearCase), device)

    def pack(self, weight: Weight) -> Any:
        """As the linear's, half by half."""
        return self.product.pack(weight)

    def __call__(self, *, x: Tensor, weight: Any, bias: None = None) -> Tensor:
        """One launch; out [m, n / 2]."""
        return self.product(x, weight, None)
