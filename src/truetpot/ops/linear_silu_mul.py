"""``linear_silu_mul``: the fused gate and up projection and its activation in one kernel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from truetpot.ops.composite import Composite
from truetpot.ops.linear import LINEAR
from truetpot.ops.operator import Case
from truetpot.ops.silu_mul import SILU_MUL, SiluMulCase


def _grid() -> Iterable[tuple[Case, ...]]:
    for linear in LINEAR.grid():
        if linear.n % 2 == 0:  # no model that is supported has a bias here
            yield replace(linear, bias=False), SiluMulCase(linear.dtype, linear.m, linear.n // 2)


LINEAR_SILU_MUL = Composite("linear_silu_mul", (LINEAR, SILU_MUL), ("gate_up",), _grid)
