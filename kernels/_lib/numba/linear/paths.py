"""Ways to multiply a panel by x: which there are for a format and dtype, and what each reads.

``parts`` tells them apart: 0 for x as it is (:mod:`.plain`, :mod:`.exact`), 2 to 4 for x in blocks
of 64, as integers of so many bytes under one scale (:mod:`.scaled`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from truetpot.kernels._lib.numba.linear import exact, plain, scaled
from truetpot.kernels._lib.numba.linear.panels import BLOCKED

from truetpot.runtime.simd import HAS_BYTE_DOT


@dataclass(frozen=True)
class Path:
    """One way. Addresses are integers, strides bytes."""

    most: int
    """Rows of x that share a sweep over a panel: as many as the registers hold."""
    terms: int
    """Sums a row of x has, which add up to its result."""
    row_bytes: Callable[[int], tuple[int, int]]
    """``k`` to the bytes that a row of x, and what stands beside it, take when prepared."""
    prepare: Callable[..., Any] | None
    """njit ``(x, m, k, prepared, beside)``; None: x in float32, and nothing beside it."""
    dot: Callable[[int, int, int], Callable[..., Any]]
    """``(rows, ahead, unroll)`` to njit ``(w, prepared, stride, beside, beside_stride, k) ->
    Block(rows * terms)``: the panel at ``w`` times the rows. ``ahead``: bytes from a load to the
    line that is prefetched with it, 0 for none. ``unroll``: turns of the loop that are one."""


def parts_of(weight_format: str, usual: int) -> tuple[int, ...]:
    """The values of ``parts`` worth trying here, the default first; ``usual`` is the dtype's."""
    if weight_format not in BLOCKED or not HAS_BYTE_DOT:
        return (0,)
    return usual, 0


@cache
def path(weight_format: str, dtype: str, parts: int) -> Path:
    """The way to multiply a format's panels by x in ``dtype``."""
    blocks = BLOCKED.get(weight_format)
    if blocks is None:
        return Path(plain.MOST, 1, lambda k: (4 * k, 0), None, plain.dot(weight_format))
    if parts:
        return Path(
            scaled.most(parts), 1, scaled.row_bytes(parts),
            scaled.prepare(blocks, dtype, parts), scaled.dot(blocks, parts),
        )  # fmt: skip
    pairs = exact.by_pairs(blocks, dtype)
    terms = exact.TERMS[dtype] if pairs else 1
    return Path(
        exact.MOST // terms, terms, exact.row_bytes(pairs, terms),
        exact.prepare(blocks, dtype, pairs, terms), exact.dot(blocks, pairs, terms),
    )  # fmt: skip
