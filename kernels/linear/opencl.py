"""``linear`` in OpenCL C: on the matrix engine, or, where it has no operands, the vector engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from truetpot.kernels._lib.opencl.kernel import OpenClKernel
from truetpot.kernels._lib.opencl.linear import launch as linear
from truetpot.kernels._lib.opencl.linear.product import Packed, engine, note, pack, product
from truetpot.kernels._lib.opencl.options import GRF, applied, joined, offered, withheld

from truetpot.formats import Weight
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Config, register
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.target import Target


@register(LINEAR, provider="opencl", devices=("opencl",))
class OpenClLinear(OpenClKernel):
    """x [m, k], W as :meth:`pack` leaves it, bias [n] or None; out [m, n] in ``dtype``."""

    @classmethod
    def builds(cls, case: LinearCase, target: Target, **config: Any) -> tuple[Build, ...]:
        """One kernel, for the path that the case takes."""
        launch = linear.launch(case, target, **config)
        return applied((launch.build,), launch.config)

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """A format that is not known here, or too many rows."""
        return linear.refuses(case) or super().refuses(case, device)

    @classmethod
    def note(cls, device: Device) -> str:
        """Where the matrix engine is not one."""
        return note(device)

    @property
    def parameters(self) -> Config:
        """And whether a matrix engine multiplied."""
        return super().parameters | engine(self.case, self.device.target)

    @classmethod
    def configs(cls, case: LinearCase, device: Device) -> Iterable[Config]:
        """As :mod:`truetpot.kernels._lib.opencl.linear.launch` lists them, the default first."""
        assert isinstance(device, OpenClDevice)
        sizes = linear.configs(case, device.target, offered(device, GRF))
        return joined(sizes, device, linear.options(case))

    @classmethod
    def withheld(cls, case: LinearCase, device: Device) -> Iterable[tuple[Config, str]]:
        """Compiler options that the driver refuses, and what spills."""
        assert isinstance(device, OpenClDevice)
        refused = withheld(device, (GRF, *linear.options(case)))
        return (*refused, *linear.withheld(case, device.target))

    def pack(self, weight: Weight) -> Packed:
        """In the order of the source that multiplies."""
        return pack(weight, self.case, self.device, self.config)

    def __call__(self, *, x: OpenClArray, weight: Packed, bias: OpenClArray | None) -> OpenClArray:
        """One launch."""
        out = self.empty(self.case.m, self.case.n)
        launch = linear.launch(self.case, self.device.target, **self.config)
        product(self.functions[0], launch, x, weight, bias, out)
        return out
