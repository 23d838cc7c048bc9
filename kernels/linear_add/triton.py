"""``linear_add`` in Triton: the product's kernel adds what it is about to store to the residual."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from truetpot.kernels._lib.triton.common import DEVICES, note
from truetpot.kernels._lib.triton.linear.configs import configs
from truetpot.kernels._lib.triton.linear.product import Product, refuses

from truetpot.formats import Weight
from truetpot.ops import LINEAR_ADD, CompositeCase, LinearCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice


@register(LINEAR_ADD, provider="triton", devices=DEVICES)
class TritonLinearAdd(Kernel):
    """x W^T + bias + residual."""

    def __init__(self, case: CompositeCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.product = Product(case.part(LinearCase), device, config)

    @classmethod
    def refuses(cls, case: CompositeCase, device: Device) -> str | None:
        """What the linear kernel does not take."""
        return refuses(case.part(LinearCase))

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    @classmethod
    def configs(cls, case: CompositeCase, device: Device) -> Iterable[Config]:
        """Those of the linear kernel that it stands on."""
        return configs(case.part(LinearCase), device)

    def pack(self, weight: Weight) -> Any:
        """The weight as the linear kernel has it."""
        return self.product.pack(weight)

    def __call__(self, *, x: Tensor, weight: Any, bias: Tensor | None, residual: Tensor) -> Tensor:
        """One launch; out [m, n]."""
        return self.product(x, weight, bias, residual=residual)
