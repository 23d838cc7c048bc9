"""``rms_norm`` by IPEX: ``rmsnorm`` and ``add_rmsnorm`` on a CPU, ``fast_rms_norm`` on XPU."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from truetpot.kernels._lib.vendors import ipex as vendor

from truetpot.ops import RMS_NORM, RmsNormCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime.device import Device

_SCHEMAS = (
    "rmsnorm(Tensor input, Tensor weight, float eps) -> Tensor",
    "add_rmsnorm(Tensor input, Tensor input1, Tensor weight, float eps, bool add_back) -> Tensor",
)


@register(RMS_NORM, provider="ipex", devices=("cpu",))
class IpexRmsNorm(Kernel):
    """x [m, hidden], gamma [hidden], residual [m, hidden] or None; out as x."""

    def __init__(self, case: RmsNormCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._norm, self._add_norm = vendor.operator("rmsnorm"), vendor.operator("add_rmsnorm")

    @classmethod
    def refuses(cls, case: RmsNormCase, device: Device) -> str | None:
        """Every case, where the package is there."""
        return vendor.why_not("cpu", *_SCHEMAS)

    def __call__(self, *, x: Tensor, gamma: Tensor, residual: Tensor | None) -> Tensor:
        """The sum is left in the residual."""
        eps = self.case.eps
        if residual is None:
            out: Tensor = self._norm(x, gamma, eps)
        else:
            out = self._add_norm(x, residual, gamma, eps, True)
        return out


_XPU_SCHEMA = (
    "fast_rms_norm(Tensor input, int[] normalized_shape, Tensor weight, Tensor? bias, float eps) "
    "-> Tensor"
)


@register(RMS_NORM, provider="ipex", devices=("xpu",))
class IpexXpuRmsNorm(Kernel):
    """As :class:`IpexRmsNorm`; the residual is added before by torch. Not run on a card yet."""

    def __init__(self, case: RmsNormCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self._norm = vendor.operator("fast_rms_norm")

    @classmethod
    def refuses(cls, case: RmsNormCase, device: Device) -> str | None:
        """Every case, where the package is there."""
        return vendor.why_not("xpu", _XPU_SCHEMA)

    @classmethod
    def note(cls, device: Device) -> str:
        """How far it has been tried."""
        return vendor.UNTRIED

    def __call__(self, *, x: Tensor, gamma: Tensor, residual: Tensor | None) -> Tensor:
        """The sum is left in the residual."""
        if residual is not None:
            x = residual.add_(x)
        out: Tensor = self._norm(x, [self.case.hidden], gamma, None, self.case.eps)
        return out
