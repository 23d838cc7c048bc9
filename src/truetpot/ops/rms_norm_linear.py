"""``rms_norm_linear``, ``rms_norm_linear_silu_mul``: the norm inside the projection that reads it.

Every program of the projection reads all of x in any case: it can sum up the squares on the way,
and divide its few sums at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from truetpot.ops.composite import Composite
from truetpot.ops.linear import LINEAR, LinearCase
from truetpot.ops.operator import Case
from truetpot.ops.rms_norm import RMS_NORM, RmsNormCase
from truetpot.ops.silu_mul import SILU_MUL, SiluMulCase


def _cases() -> Iterable[tuple[RmsNormCase, LinearCase]]:
    for linear in LINEAR.grid():
        if linear.m == 1:
            yield RmsNormCase(linear.dtype, linear.m, linear.k), linear


def _grid() -> Iterable[tuple[Case, ...]]:
    return _cases()


def _silu_grid() -> Iterable[tuple[Case, ...]]:
    for norm, linear in _cases():
        if linear.n % 2 == 0:  # no model that is supported has a bias here
            silu = SiluMulCase(linear.dtype, linear.m, linear.n // 2)
            yield norm, replace(linear, bias=False), silu


RMS_NORM_LINEAR = Composite("rms_norm_linear", (RMS_NORM, LINEAR), ("x",), _grid)
RMS_NORM_LINEAR_SILU_MUL = Composite(
    "rms_norm_linear_silu_mul", (RMS_NORM, LINEAR, SILU_MUL), ("x", "gate_up"), _silu_grid
)
