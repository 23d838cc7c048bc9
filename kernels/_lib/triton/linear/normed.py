"""A linear in Triton whose row of x is normed on its way into the product."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from truetpot.kernels._lib.triton.common import note
from truetpot.kernels._lib.triton.linear.configs import configs, kinds
from truetpot.kernels._lib.triton.linear.product import Product

from truetpot.formats import Weight
from truetpot.ops import CompositeCase, LinearCase, RmsNormCase
from truetpot.ops.registry import Config, Kernel
from truetpot.runtime.device import Device
from truetpot.runtime.torch_device import TorchDevice


class NormedProduct(Kernel):
    """rms_norm(x) W^T + bias for one row; with ``paired``, silu of the first half times the second.

    The residual is added by whoever makes x: a program that changed it would change what another
    one has still to read.
    """

    paired = False

    def __init__(self, case: CompositeCase, device: TorchDevice, **config: Any) -> None:
        super().__init__(case, device, **config)
        norm, part = case.part(RmsNormCase), case.part(LinearCase)
        self.product = Product(part, device, config, self.paired, norm.eps)

    @classmethod
    def refuses(cls, case: CompositeCase, device: Device) -> str | None:
        """All but int4 by the matrix engine, for one row that has its residual already."""
        norm, part = case.part(RmsNormCase), case.part(LinearCase)
        if norm.residual:
            return "the residual is added by the projection before"
        if cls.paired and part.bias:
            return "no bias in the fused kernel"
        # not fp16: x before its norm may be too large for a product
        if case.dtype != "bf16" or kinds(part, device)[0] != "int4_matrix":
            return "only one bf16 row is normed within its product, with int4 and a matrix engine"
        return None

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    @classmethod
    def configs(cls, case: CompositeCase, device: Device) -> Iterable[Config]:
        """Those of the linear kernel that it stands on."""
        return configs(case.part(LinearCase), device, normed=True)

    def pack(self, weight: Weight) -> Any:
        """The weight as the linear kernel has it."""
        return self.product.pack(weight)

    def __call__(
        self,
        *,
        x: Tensor,
        gamma: Tensor,
        weight: Any,
        bias: Tensor | None = None,
        residual: None = None,
    ) -> Tensor:
        """One launch; out [1, n], or [1, n / 2] if paired."""
        return self.product(x, weight, bias, gamma=gamma)
