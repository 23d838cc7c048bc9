"""q4_k as ipex-llm defines it: blocks of 256 along K in eight sub-blocks, 4.625 bits a weight.

A sub-block of 32 has a scale s and a minimum m of six bits, a block fp16 d and dmin:
w' = d s code - dmin m. It is ggml's Q4_K with a byte for each six bits (148 bytes a block, not 144)
and another order of nibbles: byte j of a sub-block's 16 holds elements j (low) and j + 16 (high).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import float32, prange
from numba.extending import intrinsic
from numpy.typing import NDArray

from truetpot.formats.entropy import random_bytes, random_scales
from truetpot.formats.nibbles import pack_halves, unpack_halves
from truetpot.formats.weight import Array, Rounding
from truetpot.jit import njit

BLOCK = 256
SUB = 32

SCALES = np.dtype([("d", np.float16), ("dmin", np.float16), ("sub", np.uint8, (BLOCK // SUB, 2))])
"""A block's 20 bytes beside the codes, in the vendor's order; each of ``sub`` is (s, m)."""

_SUB_SCALES = np.arange(24, 64, dtype=np.uint8)
"""What random sub-blocks have: near enough to each other that none is all but zero."""
_RMS = float(np.sqrt((255 / 12 + 0.64 / 12) * np.mean(np.square(_SUB_SCALES.astype(np.float64)))))


class Q4K:
    """Codes are uint8 [n, k/2], scales [n, k/256] of :data:`SCALES`."""

    def quantise(self, w: NDArray[np.float32], rounding: Rounding) -> tuple[Array, Array]:
        """Scales by ggml's search for the least weighted error, codes the nearest, either way."""
        blocks = w.reshape(-1, BLOCK // SUB, SUB)
        codes = np.empty(blocks.shape, np.uint8)
        scales = np.empty(len(blocks), SCALES)
        d = np.empty((len(blocks), 2), np.float32)
        with np.errstate(over="ignore"):
            _search(blocks, codes, scales["sub"], d)
            scales["d"], scales["dmin"] = d.astype(np.float16).T
            wide = (scales[name].astype(np.float32) for name in ("d", "dmin"))
            _requantise(blocks, codes, scales["sub"], *wide)
        return pack_halves(codes).reshape(len(w), -1), scales.reshape(len(w), -1)

    def dequantise(self, codes: Array, scales: Array | None) -> NDArray[np.float64]:
        """d s code - dmin m in float64."""
        assert scales is not None
        values = unpack_halves(codes.reshape(*scales.shape, BLOCK // SUB, SUB // 2))
        s, m = np.moveaxis(scales["sub"].astype(np.float64), -1, 0)
        s = s * scales["d"].astype(np.float64)[..., None]
        m = m * scales["dmin"].astype(np.float64)[..., None]
        return (values * s[..., None] - m[..., None]).reshape(len(codes), -1)

    def random(
        self, shape: tuple[int, int], rng: np.random.Generator, std: float
    ) -> tuple[Array, Array]:
        """Uniform codes, scales that differ, and minima that put the mean near 0."""
        n, k = shape
        codes = random_bytes((n, k // 2), rng)
        scales = np.empty((n, k // BLOCK), SCALES)
        d = random_scales(scales.shape, rng, std / _RMS)
        # As asym_int4: the minimum is 7.1 to 7.9 steps, so that no code stands for zero itself.
        steps = np.float32(0.8) * rng.random(d.shape, dtype=np.float32) + np.float32(7.1)
        scales["d"], scales["dmin"] = d, d * steps
        scales["sub"] = rng.choice(_SUB_SCALES, (*d.shape, BLOCK // SUB, 1))
        return codes, scales


# Below, as ggml's make_qkx2_quants and quantize_row_q4_K in float32, with a fused multiply-add
# wherever the vendor's builds for AVX2 and AVX-512 have one. Its build for AVX has none, and may
# choose other scales.

_MAGIC = np.float32(12582912)  # 1.5 * 2^23: added, it rounds to the nearest integer
_ZERO, _ONE, _MOST, _MOST_SUB = np.float32(0), np.float32(1), np.float32(15), np.float32(63)
_TRIES, _STEP = 21, np.float32(0.1)


def _fused(typing: Any, a: Any, b: Any, c: Any) -> tuple[Any, Any]:
    """a b + c in float32, rounded once. By way of float64 it would be twice, which shows."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return float32(float32, float32, float32), generate


_fma: Any = intrinsic(_fused)  # takes a, b, c


@njit(cache=True, error_model="numpy")
def _code(shifted):  # type: ignore[no-untyped-def]
    """0 to 15 from a value with `_MAGIC` added."""
    return min(15, max(0, (np.float32(shifted).view(np.int32) & 0x7FFFFF) - 0x400000))


@njit(cache=True, error_model="numpy")
def _sub_code(shifted):  # type: ignore[no-untyped-def]
    """0 to 63; what is too large wraps at 256 first."""
    return min(63, np.float32(shifted).view(np.int32) & 0xFF)


@njit(cache=True, error_model="numpy")
def _error(x, weights, codes, scale, low):  # type: ignore[no-untyped-def]
    total = _ZERO
    for i in range(SUB):
        off = _fma(np.float32(codes[i]), scale, low) - x[i]
        total = _fma(off * off, weights[i], total)
    return total


@njit(cache=True, error_model="numpy")
def _fit(x, best, codes, weights):  # type: ignore[no-untyped-def]
    """(scale, minimum) of 32 values: the best of least-squares fits to 22 roundings of them."""
    squares = _ZERO
    for i in range(SUB):
        squares += x[i] * x[i]
    typical = math.sqrt(squares * np.float32(1 / SUB))
    for i in range(SUB):
        weights[i] = abs(x[i]) + typical
    low = high = x[0]
    sum_w, sum_x = weights[0], weights[0] * x[0]
    for i in range(1, SUB):
        low = min(low, x[i])
        high = max(high, x[i])
        sum_w += weights[i]
        sum_x = _fma(x[i], weights[i], sum_x)
    low = _ZERO if low > 0 else low
    if low == high:
        best[:] = 0
        return _ZERO, -low
    inverse = _MOST / (high - low)
    scale = _ONE / inverse
    for i in range(SUB):
        best[i] = _code(_fma(x[i] - low, inverse, _MAGIC))
    least = _error(x, weights, best, scale, low)
    for attempt in range(_TRIES):
        inverse = (_fma(np.float32(attempt), _STEP, -_ONE) + _MOST) / (high - low)
        sum_l = sum_ll = sum_xl = _ZERO
        for i in range(SUB):
            codes[i] = _code(_fma(x[i] - low, inverse, _MAGIC))
            code = np.float32(codes[i])
            weighted = code * weights[i]
            sum_l += weighted
            sum_ll = _fma(code, weighted, sum_ll)
            sum_xl = _fma(x[i], weighted, sum_xl)
        det = _fma(sum_ll, sum_w, -(sum_l * sum_l))
        if not det > 0:
            continue
        new_low = _fma(sum_ll, sum_x, -(sum_l * sum_xl)) / det
        if new_low > 0:
            new_low, new_scale = _ZERO, sum_xl / sum_ll
        else:
            new_scale = _fma(-sum_l, sum_x, sum_w * sum_xl) / det
        error = _error(x, weights, codes, new_scale, new_low)
        if error < least:
            least, scale, low = error, new_scale, new_low
            best[:] = codes
    return scale, -low


@njit(parallel=True, cache=True, error_model="numpy")
def _search(blocks, codes, subs, d):  # type: ignore[no-untyped-def]
    """Codes, six-bit scales and minima, and float32 (d, dmin) of blocks [b, 8, 32]."""
    for b in prange(len(blocks)):
        weights, tried = np.empty(SUB, np.float32), np.empty(SUB, np.uint8)
        found = np.empty((BLOCK // SUB, 2), np.float32)
        most_scale = most_low = _ZERO
        for j in range(BLOCK // SUB):
            scale, low = _fit(blocks[b, j], codes[b, j], tried, weights)
            found[j, 0], found[j, 1] = scale, low
            most_scale = max(most_scale, scale)
            most_low = max(most_low, low)
        to_scale = _MOST_SUB / most_scale if most_scale > 0 else _ZERO
        to_low = _MOST_SUB / most_low if most_low > 0 else _ZERO
        for j in range(BLOCK // SUB):
            subs[b, j, 0] = _sub_code(_fma(to_scale, found[j, 0], _MAGIC))
            subs[b, j, 1] = _sub_code(_fma(to_low, found[j, 1], _MAGIC))
        d[b, 0], d[b, 1] = most_scale / _MOST_SUB, most_low / _MOST_SUB


@njit(parallel=True, cache=True, error_model="numpy")
def _requantise(blocks, codes, subs, d, dmin):  # type: ignore[no-untyped-def]
    """Codes nearest under the scales as they are stored; where a scale is zero they stay."""
    for b in prange(len(blocks)):
        for j in range(BLOCK // SUB):
            scale = np.float32(subs[b, j, 0]) * d[b]
            low = np.float32(subs[b, j, 1]) * dmin[b]
            if scale == 0:
                continue
            for i in range(SUB):
                codes[b, j, i] = _code((blocks[b, j, i] + low) / scale + _MAGIC)


CODEC = Q4K()
