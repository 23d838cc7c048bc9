"""How wrong a correct kernel may be, stated once for every operator.

A kernel may round its inputs' products, its intermediates and its output to the activation dtype a
few times, and must accumulate in float32. With u the unit roundoff of a dtype (half an ulp,
relative) and K the number of terms accumulated:

    tolerance = 4 u(dtype) + 4 sqrt(K) u(fp32)

The first term covers four independent roundings to the dtype, the second the random walk of a
float32 accumulation. The error it is held against is taken per row of the output (the last axis)
and is the larger of two: the relative L2 error, in which no small bias hides, and the largest error
of an element over four times the row's root mean square, in which no wrong element of a long row
hides. An element larger than that is held against itself: it may be rounded like any other.
"""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from truetpot.ops.arrays import exact

UNIT_ROUNDOFF = {"fp32": 2.0**-24, "fp16": 2.0**-11, "bf16": 2.0**-8}
"""Half an ulp of 1, relative: 24, 11 and 8 significant bits."""
_AT_ONCE = 512


def tolerance(terms: int, *dtypes: str) -> float:
    """``4 u(dtype) + 4 sqrt(terms) u(fp32)``, for the coarsest dtype that is rounded to."""
    u = max(UNIT_ROUNDOFF[dtype] for dtype in dtypes)
    return 4 * u + 4 * math.sqrt(terms) * UNIT_ROUNDOFF["fp32"]


def relative_error(got: np.ndarray, want: np.ndarray, typical: np.ndarray | float = 0.0) -> float:
    """The worst row's error as the module text defines it; ``inf`` for NaN or a wrong shape.

    Rows of zeros must be met exactly. Integer outputs are compared exactly: 0 or ``inf``.
    ``typical`` [rows] is the least that a row's root mean square is taken to be: for outputs that
    may cancel to near zero, where no kernel can be relatively right.
    """
    if got.shape != want.shape:
        return math.inf
    if want.dtype.kind in "iu":
        return 0.0 if np.array_equal(got, want) else math.inf
    if want.size == 0:
        return 0.0
    width = want.shape[-1] if want.ndim else 1
    have = np.asarray(got, dtype=np.float64).reshape(-1, width)
    true = np.asarray(want, dtype=np.float64).reshape(-1, width)
    if not np.all(np.isfinite(have)):
        return math.inf
    rms = np.sqrt(np.mean(true**2, axis=1, keepdims=True))
    # below the smallest normal number the dtype itself has no relative precision
    rms = np.where(rms > 0, np.maximum(rms, _smallest_normal(got.dtype)), 0)
    rms = np.maximum(rms, np.reshape(typical, (-1, 1)))
    wrong = np.abs(have - true)
    l2 = np.sqrt(np.mean(wrong**2, axis=1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        of_rows = np.where(l2 == 0, 0.0, l2 / rms)
        of_elements = np.where(wrong == 0, 0.0, wrong / np.maximum(4 * rms, np.abs(true)))
    return float(max(of_rows.max(), of_elements.max()))


def changed_rows(before: np.ndarray, got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Which rows [n] of three arrays [n, width] differ in a bit of ``got`` or a value of ``want``.

    Of the other rows the error is 0. Of a KV cache a call writes a row a token: without the others
    comparing one of 16,384 tokens takes a tenth of the time. NaN of ``want`` is a difference.
    """
    bits = f"u{before.dtype.itemsize}"
    changed = (got.view(bits) != before.view(bits)).any(1)
    for i in range(0, len(before), _AT_ONCE):
        rows = slice(i, i + _AT_ONCE)  # few enough to stay in a core's cache, in float64
        changed[rows] |= (exact(before[rows]) != want[rows]).any(1)
    return changed


def _smallest_normal(dtype: np.dtype) -> float:
    if dtype.kind in "iub":
        return 0.0
    return float(ml_dtypes.finfo(dtype).smallest_normal)  # type: ignore[no-untyped-call]
