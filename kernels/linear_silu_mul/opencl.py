"""``linear_silu_mul`` in OpenCL C: the linear with the rows of gate and up together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from truetpot.kernels._lib.opencl.kernel import OpenClKernel
from truetpot.kernels._lib.opencl.linear import launch as linear
from truetpot.kernels._lib.opencl.linear.product import Packed, engine, note, pack, product
from truetpot.kernels._lib.opencl.options import GRF, applied, joined, offered, withheld

from truetpot.formats import Weight
from truetpot.ops import LINEAR_SILU_MUL, CompositeCase, LinearCase
from truetpot.ops.registry import Config, register
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.target import Target


@register(LINEAR_SILU_MUL, provider="opencl", devices=("opencl",))
class OpenClLinearSiluMul(OpenClKernel):
    """silu(x G^T) * (x U^T), G the first half of the weight's rows; x [m, k]."""

    @classmethod
    def builds(cls, case: CompositeCase, target: Target, **config: Any) -> tuple[Build, ...]:
        """One kernel, for the path that the case takes."""
        launch = linear.launch(case.part(LinearCase), target, paired=True, **config)
        return applied((launch.build,), launch.config)

    @classmethod
    def refuses(cls, case: CompositeCase, device: Device) -> str | None:
        """As the linear, and no bias: no supported model has one here."""
        part = case.part(LinearCase)
        if part.bias:
            return "no bias in the fused kernel"
        return linear.refuses(part) or super().refuses(case, device)

    @classmethod
    def note(cls, device: Device) -> str:
        """That of the linear kernel it stands on."""
        return note(device)

    @property
    def parameters(self) -> Config:
        """Those of the linear kernel that it stands on."""
        return super().parameters | engine(self.case.part(LinearCase), self.device.target)

    @classmethod
    def configs(cls, case: CompositeCase, device: Device) -> Iterable[Config]:
        """Those of the linear kernel that it stands on."""
        assert isinstance(device, OpenClDevice)
        part = case.part(LinearCase)
        sizes = linear.configs(part, device.target, offered(device, GRF), paired=True)
        return joined(sizes, device, linear.options(part))

    @classmethod
    def withheld(cls, case: CompositeCase, device: Device) -> Iterable[tuple[Config, str]]:
        """Compiler options that the driver refuses, and what spills."""
        assert isinstance(device, OpenClDevice)
        part = case.part(LinearCase)
        spilling = linear.withheld(part, device.target, paired=True)
        return (*withheld(device, (GRF, *linear.options(part))), *spilling)

    def pack(self, weight: Weight) -> Packed:
        """As the linear's, G and U each in groups of their own."""
        return pack(weight, self.case.part(LinearCase), self.device, self.config, parts=2)

    def __call__(self, *, x: OpenClArray, weight: Packed, bias: None = None) -> OpenClArray:
        """One launch; out [m, n / 2]."""
        case = self.case.part(LinearCase)
        out = self.empty(case.m, case.n // 2)
        launch = linear.launch(case, self.device.target, paired=True, **self.config)
        product(self.functions[0], launch, x, weight, None, out)
        return out
