"""``linear`` on the CPU: weight panels streamed once for several rows of x, float32 results."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
from truetpot.kernels._lib.numba.linear.activations import Activations, refuses
from truetpot.kernels._lib.numba.linear.drive import arguments, machine_code
from truetpot.kernels._lib.numba.linear.panels import BLOCK, ROWS, pack, panel_bytes
from truetpot.kernels._lib.numba.linear.sweep import Compiled, configs, note, sweep

from truetpot.formats import Weight
from truetpot.ops import LINEAR, LinearCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.records.launch import LaunchRow
from truetpot.runtime import simd
from truetpot.runtime.device import Device
from truetpot.runtime.simd import STORES


@register(LINEAR, provider="numba", devices=("cpu",))
class NumbaLinear(Kernel):
    """y = x W^T + b, any weight format of the panels."""

    def __init__(self, case: LinearCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.sweep = sweep(case, config)
        self.activations = Activations(case, self.sweep.compiled.path)
        self.drive = self.sweep.drive(linear_panel(self.sweep.compiled))

    @classmethod
    def refuses(cls, case: LinearCase, device: Device) -> str | None:
        """Only what the format itself refuses."""
        return refuses(case)

    @classmethod
    def note(cls, device: Device) -> str:
        """The instructions in use, and what becomes of x."""
        return note()

    @classmethod
    def configs(cls, case: LinearCase, device: Device) -> Iterable[Config]:
        """As :mod:`truetpot.kernels._lib.numba.linear.sweep` lists them, the default first."""
        return configs(case)

    def pack(self, weight: Weight) -> Any:
        """The weight as panels of uint8 rows."""
        return pack(weight)

    def launches(self) -> list[LaunchRow]:
        """One parallel loop over all cores."""
        return self.drive.launches()

    def __call__(self, *, x: torch.Tensor, weight: Any, bias: torch.Tensor | None) -> torch.Tensor:
        case = self.case
        out = torch.empty((case.m, case.n), dtype=x.dtype)
        bias_at = bias.data_ptr() if bias is not None else 0
        sizes = case.m, case.n, case.k
        at = weight.ctypes.data, *self.activations.of(x), bias_at, out.data_ptr(), *sizes
        self.drive(at, -(-case.n // ROWS))
        return out


@cache
def linear_panel(compiled: Compiled) -> Any:
    """Every row of x times a panel, as :mod:`truetpot.kernels._lib.numba.linear.drive` calls it."""
    rows, terms = compiled.rows, compiled.path.terms
    dot, get = compiled.dot(), simd.block(rows * terms).get
    store, size = STORES[compiled.dtype]
    load_some = simd.load_some(compiled.dtype)
    add, zero, per_block = simd.add, simd.zero, panel_bytes(compiled.weight_format, BLOCK)

    def panel(held, p):  # type: ignore[no-untyped-def]
        w, x, beside, stride, beside_stride, bias, out, m, n, k = arguments(held)
        left = min(ROWS, n - p * ROWS)
        start = load_some(bias + p * ROWS * size, left) if bias else zero()
        for first in range(0, m, rows):
            row = min(first, m - rows)  # the last sweep takes some rows once more
            at, next_to = x + row * terms * stride, beside + row * terms * beside_stride
            y = dot(w + p * (k * per_block // BLOCK), at, stride, next_to, beside_stride, k)
            for i in range(rows):
                value = start
                for t in range(terms):
                    value = add(value, get(y, i * terms + t))
                store(out + ((row + i) * n + p * ROWS) * size, value, left)

    return machine_code(panel)
