"""``rms_norm`` in Triton: a program a row, the whole row in registers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import triton
import triton.language as tl
from torch import Tensor
from truetpot.kernels._lib.triton.common import DEVICES, note, power_of_2
from truetpot.kernels._lib.triton.dependent_launch import begin, choices, end, options

from truetpot.ops import RMS_NORM, RmsNormCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime.device import Device


@register(RMS_NORM, provider="triton", devices=DEVICES)
class TritonRmsNorm(Kernel):
    """x [m, hidden], gamma [hidden], residual [m, hidden] or None; out as x."""

    @classmethod
    def note(cls, device: Device) -> str:
        """The version of Triton that compiles it."""
        return note(device)

    @classmethod
    def configs(cls, case: RmsNormCase, device: Device) -> Iterable[Config]:
        """An ordinary launch, and where the device has it an early one."""
        return choices(device)

    def __call__(self, *, x: Tensor, gamma: Tensor, residual: Tensor | None) -> Tensor:
        """Adds x to the residual in place, where there is one."""
        out = torch.empty_like(x)
        block = power_of_2(self.case.hidden)
        norm[(self.case.m,)](
            x, gamma, x if residual is None else residual, out, self.case.hidden, self.case.eps,
            BLOCK=block, ADD=residual is not None, num_warps=min(16, max(1, block // 256)),
            **options(self.config.get("EARLY", 0)),
        )  # fmt: skip
        return out


@triton.jit
def norm(
    x, gamma, residual, out, hidden, eps,
    BLOCK: tl.constexpr, ADD: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """The sum is normed as float32; what is stored of it is rounded."""
    column = tl.arange(0, BLOCK)
    end(EARLY)
    begin(EARLY)
    at = tl.program_id(0).to(tl.int64) * hidden + column
    ok = column < hidden
    value = tl.load(x + at, mask=ok, other=0.0).to(tl.float32)
    if ADD:
        value += tl.load(residual + at, mask=ok, other=0.0).to(tl.float32)
        tl.store(residual + at, value.to(residual.dtype.element_ty), mask=ok)
    scale = tl.rsqrt(tl.sum(value * value, 0) / hidden + eps)
    weight = tl.load(gamma + column, mask=ok, other=0.0).to(tl.float32)
    tl.store(out + at, (value * scale * weight).to(out.dtype.element_ty), mask=ok)
