"""``linear`` in Triton: one row of x by vectors or the matrix engine, up to 64 by the latter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from truetpot.kernels._lib.triton.common import DEVICES, note
from truetpot.kernels._lib.triton.linear.configs import configs
from truetpot.kernels._lib.triton.linear.product import Product, refuses

from truetpot.formats import Weight
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice


@register(LINEAR, provider="triton", devices=DEVICES)
class TritonLinear(Kernel):
    """x [m, k], W as :meth:`pack` leaves it, bias [n] or None; out [m, n] in ``dtype``."""

    def __init__(self, case: LinearCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.product = Product(case, device, config)

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """More rows than a decode step's batch."""
        return refuses(case)

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    @classmethod
    def configs(cls, case: LinearCase, device: Device) -> Iterable[Config]:
        """The default, then every combination that fits the case."""
        return configs(case, device)

    def pack(self, weight: Weight) -> Any:
        """Codes as they are, int4 as the ``int4`` modules of ``_lib`` say."""
        return self.product.pack(weight)

    def __call__(self, *, x: Tensor, weight: Any, bias: Tensor | None) -> Tensor:
        """One launch."""
        return self.product(x, weight, bias)
