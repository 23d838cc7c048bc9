"""``linear`` on the CPU: weight panels streamed once for all rows of x, float32 accumulation."""

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
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.runtime import simd
from truetpot.runtime.device import Device
from truetpot.runtime.simd import STORES


@register(LINEAR, provider="numba", devices=("cpu",))
class NumbaLinear(Kernel):
    """y = x W^T + b, any weight format of the panels."""

    def __init__(self, case: LinearCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.activations = Activations(case)
        self.sweep = sweep(case, config)
        self.run = linear_panels(case.weight_format, case.dtype, self.sweep.compiled)

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """Only what the format itself refuses."""
        return refuses(case)

    @classmethod
    def note(cls, device: Device) -> str:
        """The path in use."""
        return simd.path_name()

    @classmethod
    def configs(cls, case: LinearCase, device: Device) -> Iterable[Config]:
        """As :mod:`truetpot.kernels._lib.numba.linear.sweep` lists them, the default first."""
        return configs(case)

    def pack(self, weight: Weight) -> Any:
        """uint8 panels."""
        return pack(weight)

    def __call__(self, *, x: torch.Tensor, weight: Any, bias: torch.Tensor | None) -> torch.Tensor:
        case = self.case
        out = torch.empty((case.m, case.n), dtype=x.dtype)
        columns, stride, offsets = self.activations.of(x)
        self.run(
            weight.ctypes.data, columns, stride, offsets,
            bias.data_ptr() if bias is not None else 0,
            out.data_ptr(), case.m, case.n, case.k,
            self.activations.next.data_ptr(), self.sweep.parts(),
        )
        return out


@cache
def linear_panels(weight_format: str, dtype: str, compiled: Compiled) -> Callable[..., Any]:
    """njit ``(w, x, stride, offsets, bias, out, m, n, k, next, parts)``.

    Threads take panels as they come free, from the counter at ``next``: a core that another
    process uses for a while does not hold up the others.
    """
    count = terms(weight_format, dtype)
    several, shares = compiled.rows, compiled.shares
    ahead, unroll = compiled.ahead, compiled.unroll
    many, one = (panel_dot(weight_format, dtype, count * c, ahead, unroll) for c in (several, 1))
    get_many, get_one = simd.block(count * several).get, simd.block(count).get
    store, size = STORES[dtype]
    load_some = simd.load_some(dtype)
    add, zero = simd.add, simd.zero

    @njit(boundscheck=False)
    def panel(w, x, stride, offsets, bias_at, out, m, n, k, p):  # type: ignore[no-untyped-def]
        left = min(ROWS, n - p * ROWS)
        start = load_some(bias_at + p * ROWS * size, left) if bias_at else zero()
        offset_stride = 4 * (k // BLOCK)
        row = 0
        while row < m:
            xr, offset = x + row * count * stride, offsets + row * count * offset_stride
            at = out + (row * n + p * ROWS) * size
            if several > 1 and m - row >= several:
                y = many(w, xr, stride, offset, offset_stride, k)
                for i in range(several):
                    value = start
                    for t in range(count):
                        value = add(value, get_many(y, i * count + t))
                    store(at + i * n * size, value, left)
                row += several
            else:
                z = one(w, xr, stride, offset, offset_stride, k)
                value = start
                for t in range(count):
                    value = add(value, get_one(z, t))
                store(at, value, left)
                row += 1

    per_block, poke, take = panel_bytes(weight_format, BLOCK), simd.poke_i64, simd.fetch_add

    @njit(parallel=True, boundscheck=False)
    def run(w, x, stride, offsets, bias_at, out, m, n, k, next_at, parts):  # type: ignore[no-untyped-def]
        panels, step = (n + ROWS - 1) // ROWS, k * per_block // BLOCK
        some = max(1, panels // (parts * shares))
        poke(next_at, 0)
        for _ in prange(parts):
            first = take(next_at, some)
            while first < panels:
                for p in range(first, min(first + some, panels)):
                    panel(w + p * step, x, stride, offsets, bias_at, out, m, n, k, p)
                first = take(next_at, some)

    return run
