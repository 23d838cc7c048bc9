"""``silu_mul`` on the CPU: one pass of vectors; too small to share between threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from numba import njit

from truetpot.ops import SILU_MUL, SiluMulCase
from truetpot.ops.registry import Kernel, register
from truetpot.runtime import simd
from truetpot.runtime.device import Device
from truetpot.runtime.simd import STORES


@register(SILU_MUL, provider="numba", devices=("cpu",))
class NumbaSiluMul(Kernel):
    """out = silu(gate) * up, sixteen columns at a time."""

    def __init__(self, case: SiluMulCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.run = silu_mul(case.dtype)

    def __call__(self, *, gate_up: torch.Tensor) -> torch.Tensor:
        m, n = self.case.m, self.case.n
        out = torch.empty((m, n), dtype=gate_up.dtype)
        self.run(gate_up.data_ptr(), out.data_ptr(), m, n)
        return out


@cache
def silu_mul(dtype: str) -> Callable[..., Any]:
    """njit ``(gate_up, out, m, n)``: addresses and sizes."""
    load, (store, size) = simd.load_some(dtype), STORES[dtype]
    silu, mul = simd.silu, simd.mul

    @njit(boundscheck=False)
    def run(gate_up, out, m, n):  # type: ignore[no-untyped-def]
        for row in range(m):
            gate = gate_up + 2 * row * n * size
            for i in range(0, n, 16):
                left = min(16, n - i)
                g, u = load(gate + i * size, left), load(gate + (n + i) * size, left)
                store(out + (row * n + i) * size, mul(silu(g), u), left)

    return run
