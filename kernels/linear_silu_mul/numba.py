"""``linear_silu_mul`` on the CPU: gate and up panels side by side, activated in registers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import torch
from numba import njit, prange
from truetpot.kernels._lib.numba.linear.activations import Activations, refuses
from truetpot.kernels._lib.numba.linear.panels import (
    BLOCK,
    ROWS,
    pack,
    panel_bytes,
    panel_dot,
    terms,
)
from truetpot.kernels._lib.numba.linear.sweep import Compiled, configs, sweep

from truetpot.formats import Weight
from truetpot.ops import LINEAR_SILU_MUL, CompositeCase, LinearCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime import simd
from truetpot.runtime.device import Device
from truetpot.runtime.simd import STORES


@register(LINEAR_SILU_MUL, provider="numba", devices=("cpu",))
class NumbaLinearSiluMul(Kernel):
    """silu(x G^T) * (x U^T), G the first half of the weight's rows."""

    def __init__(self, case: CompositeCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.linear = case.part(LinearCase)
        self.activations = Activations(self.linear)
        self.sweep = sweep(self.linear, config)
        self.run = fused_panels(
            self.linear.weight_format, self.linear.dtype, self.sweep.compiled
        )

    @classmethod
    def refuses(cls, case: CompositeCase, device: Device) -> str | None:
        """As the linear, and no bias: no supported model has one here."""
        linear = case.part(LinearCase)
        return "no bias in the fused kernel" if linear.bias else refuses(linear)

    @classmethod
    def note(cls, device: Device) -> str:
        """The path in use."""
        return simd.path_name()

    @classmethod
    def configs(cls, case: CompositeCase, device: Device) -> Iterable[Config]:
        """As :mod:`truetpot.kernels._lib.numba.linear.sweep` lists them, a row at a time."""
        return configs(case.part(LinearCase), several=False)

    def pack(self, weight: Weight) -> Any:
        """uint8 panels, gate and up alternating."""
        return pack(weight, halves=2)

    def __call__(self, *, x: torch.Tensor, weight: Any, bias: None = None) -> torch.Tensor:
        case = self.linear
        out = torch.empty((case.m, case.n // 2), dtype=x.dtype)
        columns, stride, offsets = self.activations.of(x)
        self.run(
            weight.ctypes.data, columns, stride, offsets,
            out.data_ptr(), case.m, case.n // 2, case.k,
            self.activations.next.data_ptr(), self.sweep.parts(),
        )
        return out


@cache
def fused_panels(weight_format: str, dtype: str, compiled: Compiled) -> Callable[..., Any]:
    """njit ``(w, x, stride, offsets, out, m, n, k, next, parts)``, n of the result."""
    count = terms(weight_format, dtype)
    ahead, unroll, shares = compiled.ahead, compiled.unroll, compiled.shares
    dot, get = panel_dot(weight_format, dtype, count, ahead, unroll), simd.block(count).get
    store, size = STORES[dtype]
    add, mul, silu = simd.add, simd.mul, simd.silu
    poke, take = simd.poke_i64, simd.fetch_add
    per_k = panel_bytes(weight_format, BLOCK)

    @njit(boundscheck=False)
    def project(w, x, stride, offsets, offset_stride, k):  # type: ignore[no-untyped-def]
        y = dot(w, x, stride, offsets, offset_stride, k)
        value = get(y, 0)
        for t in range(1, count):
            value = add(value, get(y, t))
        return value

    @njit(boundscheck=False)
    def panel(w, step, x, stride, offsets, out, m, n, k, p):  # type: ignore[no-untyped-def]
        offset_stride = 4 * (k // BLOCK)
        for row in range(m):
            xr, offset = x + row * count * stride, offsets + row * count * offset_stride
            gate = project(w, xr, stride, offset, offset_stride, k)
            up = project(w + step, xr, stride, offset, offset_stride, k)
            store(out + (row * n + p * ROWS) * size, mul(silu(gate), up), min(ROWS, n - p * ROWS))

    @njit(parallel=True, boundscheck=False)
    def run(w, x, stride, offsets, out, m, n, k, next_at, parts):  # type: ignore[no-untyped-def]
        panels, step = (n + ROWS - 1) // ROWS, k * per_k // BLOCK
        some = max(1, panels // (parts * shares))
        poke(next_at, 0)
        for _ in prange(parts):
            first = take(next_at, some)
            while first < panels:
                for p in range(first, min(first + some, panels)):
                    panel(w + 2 * p * step, step, x, stride, offsets, out, m, n, k, p)
                first = take(next_at, some)

    return run


