"""``linear`` in OpenCL C: ``gemv.cl`` for one row of x, ``gemm.cl`` for up to sixteen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from truetpot.kernels._opencl import OpenClKernel
from truetpot.kernels.linear import _opencl

from truetpot.formats import Weight
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Config, register
from truetpot.runtime.device import Device
from truetpot.runtime.opencl.array import OpenClArray
from truetpot.runtime.opencl.build import Build
from truetpot.runtime.opencl.device import OpenClDevice
from truetpot.runtime.opencl.program import Function
from truetpot.runtime.opencl.target import Target

Packed = tuple[OpenClArray, OpenClArray | None]
"""Codes and scales as the format defines them, which is as ipex-llm keeps them on XPU."""


@register(LINEAR, provider="opencl", devices=("opencl",))
class OpenClLinear(OpenClKernel):
    """x [m, k], W as :meth:`pack` leaves it, bias [n] or None; out [m, n] in ``dtype``."""

    @classmethod
    def builds(cls, case: LinearCase, target: Target, **config: Any) -> tuple[Build, ...]:
        """One kernel."""
        return (_opencl.launch(case, target, **config).build,)

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """A format that is not known here, or too many rows."""
        return _opencl.refuses(case) or super().refuses(case, device)

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
        """As :mod:`truetpot.kernels.linear._opencl` lists them, the default first."""
        assert isinstance(device, OpenClDevice)
        return _opencl.configs(case, device.target)

    def pack(self, weight: Weight) -> Packed:
        """As it is: nothing is converted."""
        return pack(weight, self.device)

    def __call__(self, *, x: OpenClArray, weight: Packed, bias: OpenClArray | None) -> OpenClArray:
        """One launch."""
        out = self.empty(self.case.m, self.case.n)
        launch = _opencl.launch(self.case, self.device.target, **self.config)
        product(self.functions[0], launch, x, weight, bias, out)
        return out


def pack(weight: Weight, device: OpenClDevice) -> Packed:
    """The two arrays on the device."""
    scales = None if weight.scales is None else device.upload(weight.scales)
    return device.upload(weight.codes), scales


def note(device: Device) -> str:
    """For ``truetpot providers``."""
    if not isinstance(device, OpenClDevice) or device.target.dpas:
        return ""
    return "emulated dpas for several rows: for tests, not for timing"


def engine(case: LinearCase, target: Target) -> Config:
    """For the record: what multiplies, where the case is one for the matrix engine."""
    if not _opencl.on_matrix_engine(case):
        return {}
    return {"dpas": "native" if target.dpas else "emulated"}


def product(
    function: Function,
    launch: _opencl.Launch,
    x: OpenClArray,
    weight: Packed,
    bias: OpenClArray | None,
    out: OpenClArray,
) -> None:
    """Submit; x [m, k], out [m, n]."""
    (m, n), k = out.shape, x.shape[1]
    sizes = (m, n, k) if function.name == "gemm" else (n, k)
    function(*launch.sizes, x, *weight, bias, out, *sizes)
