"""``linear_silu_mul`` on the CPU: gate and up panels side by side, activated in registers."""

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
from truetpot.ops import LINEAR_SILU_MUL, CompositeCase, LinearCase
from truetpot.ops.registry import Config, Kernel, register
from truetpot.records.launch import LaunchRow
from truetpot.runtime import simd
from truetpot.runtime.device import Device
from truetpot.runtime.simd import STORES


@register(LINEAR_SILU_MUL, provider="numba", devices=("cpu",))
class NumbaLinearSiluMul(Kernel):
    """silu(x G^T) * (x U^T), G the first half of the weight's rows."""

    def __init__(self, case: CompositeCase, device: Device, **config: Any) -> None:
        super().__init__(case, device, **config)
        self.linear = case.part(LinearCase)
        self.sweep = sweep(self.linear, config)
        self.activations = Activations(self.linear, self.sweep.compiled.path)
        self.drive = self.sweep.drive(fused_panel(self.sweep.compiled))

    @classmethod
    def refuses(cls, case: CompositeCase, device: Device) -> str | None:
        """As the linear, and no bias: no supported model has one here."""
        linear = case.part(LinearCase)
        return "no bias in the fused kernel" if linear.bias else refuses(linear)

    @classmethod
    def note(cls, device: Device) -> str:
        """The instructions in use, and what becomes of x."""
        return note()

    @classmethod
    def configs(cls, case: CompositeCase, device: Device) -> Iterable[Config]:
        """As :mod:`truetpot.kernels._lib.numba.linear.sweep` lists them, the default first."""
        return configs(case.part(LinearCase))

    def pack(self, weight: Weight) -> Any:
        """uint8 panels, gate and up alternating."""
        return pack(weight, halves=2)

    def launches(self) -> list[LaunchRow]:
        """One parallel loop over all cores."""
        return self.drive.launches()

    def __call__(self, *, x: torch.Tensor, weight: Any, bias: None = None) -> torch.Tensor:
        case = self.linear
        out = torch.empty((case.m, case.n // 2), dtype=x.dtype)
        sizes = case.m, case.n // 2, case.k
        at = weight.ctypes.data, *self.activations.of(x), 0, out.data_ptr(), *sizes
        self.drive(at, -(-case.n // 2 // ROWS))
        return out


@cache
def fused_panel(compiled: Compiled) -> Any:
    """Every row of x times a panel of gate and one of up, as the panel of ``linear``."""
    rows, terms = compiled.rows, compiled.path.terms
    dot, get = compiled.dot(), simd.block(rows * terms).get
    store, size = STORES[compiled.dtype]
    add, mul, silu = simd.add, simd.mul, simd.silu
    per_block = panel_bytes(compiled.weight_format, BLOCK)

    def panel(held, p):  # type: ignore[no-untyped-def]
        w, x, beside, stride, beside_stride, _, out, m, n, k = arguments(held)
        left, step = min(ROWS, n - p * ROWS), k * per_block // BLOCK
        w += 2 * p * step
        for first in range(0, m, rows):
            row = min(first, m - rows)  # the last sweep takes some rows once more
            at, next_to = x + row * terms * stride, beside + row * terms * beside_stride
            gates = dot(w, at, stride, next_to, beside_stride, k)
            ups = dot(w + step, at, stride, next_to, beside_stride, k)
            for i in range(rows):
                gate, up = get(gates, i * terms), get(ups, i * terms)
                for t in range(1, terms):
                    gate = add(gate, get(gates, i * terms + t))
                    up = add(up, get(ups, i * terms + t))
                store(out + ((row + i) * n + p * ROWS) * size, mul(silu(gate), up), left)

    return machine_code(panel)
