"""``rms_norm`` on the CPU: two passes over a row that stays in the first-level cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from numba import njit

from truetpot.ops import RMS_NORM, RmsNormCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime import simd
from truetpot.runtime.device import Device
from truetpot.runtime.simd import STORES


@register(RMS_NORM, provider="numba", devices=("cpu",))
class NumbaRmsNorm(Kernel):
    """x / rms(x) * gamma; the residual, where there is one, is added first and kept."""

    def __init__(self, case: RmsNormCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.run = rms_norm(case.dtype)

    def __call__(
        self, *, x: torch.Tensor, gamma: torch.Tensor, residual: torch.Tensor | None
    ) -> torch.Tensor:
        case = self.case
        out = torch.empty_like(x)
        self.run(
            x.data_ptr(), gamma.data_ptr(), residual.data_ptr() if residual is not None else 0,
            out.data_ptr(), case.m, case.hidden, case.eps,
        )
        return out


@cache
def rms_norm(dtype: str) -> Callable[..., Any]:
    """njit ``(x, gamma, residual or 0, out, m, hidden, eps)``."""
    load, (store, size) = simd.load_some(dtype), STORES[dtype]
    add, mul, fma, splat, total, zero = (
        simd.add, simd.mul, simd.fma, simd.splat, simd.reduce_add, simd.zero
    )

    @njit(boundscheck=False)
    def run(x, gamma, residual, out, m, hidden, eps):  # type: ignore[no-untyped-def]
        for row in range(m):
            source = x + row * hidden * size
            sums = zero()
            for i in range(0, hidden, 16):
                left = min(16, hidden - i)
                value = load(source + i * size, left)
                if residual:
                    kept = residual + (row * hidden + i) * size
                    value = add(value, load(kept, left))
                    store(kept, value, left)
                sums = fma(value, value, sums)
            scale = splat(np.float32(1 / math.sqrt(total(sums) / hidden + eps)))
            if residual:
                source = residual + row * hidden * size
            for i in range(0, hidden, 16):
                left = min(16, hidden - i)
                normed = mul(load(source + i * size, left), scale)
                normed = mul(normed, load(gamma + i * size, left))
                store(out + (row * hidden + i) * size, normed, left)

    return run
