"""A panel of weights that have no scales, times x: each load widened, multiplied in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

from truetpot.runtime import simd
from truetpot.runtime.simd import LOADS

MOST = 8
"""Rows of x with two accumulators each; up to four have four."""


def dot(weight_format: str) -> Callable[[int, int, int], Callable[..., Any]]:
    """As :class:`.paths.Path` has it; x float32 [rows, k]."""
    load, step = LOADS[weight_format]

    def compiled(rows: int, ahead: int, unroll: int) -> Callable[..., Any]:
        block = simd.block(rows)
        zero, fma, add, prefetch = block.zero, block.fma_broadcast, block.add, simd.prefetch
        each, four = 4 * unroll, rows <= MOST // 2

        @njit(boundscheck=False)
        def dot(w, x, stride, beside, beside_stride, k):  # type: ignore[no-untyped-def]
            a0, a1, a2, a3 = zero(), zero(), zero(), zero()
            for i in range(k // each):
                if ahead:
                    for line in range(0, each * step, 64):
                        prefetch(w + i * each * step + ahead + line)
                for u in range(unroll):
                    at, xi = w + (i * unroll + u) * 4 * step, x + 16 * (i * unroll + u)
                    a0 = fma(a0, load(at), xi, stride)
                    a1 = fma(a1, load(at + step), xi + 4, stride)
                    if four:
                        a2 = fma(a2, load(at + 2 * step), xi + 8, stride)
                        a3 = fma(a3, load(at + 3 * step), xi + 12, stride)
                    else:
                        a0 = fma(a0, load(at + 2 * step), xi + 8, stride)
                        a1 = fma(a1, load(at + 3 * step), xi + 12, stride)
            for i in range(k // each * each, k):
                a0 = fma(a0, load(w + i * step), x + 4 * i, stride)
            return add(add(a0, a1), add(a2, a3))

        return dot

    return compiled
