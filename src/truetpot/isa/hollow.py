"""Inputs of an operator without their contents, for a launch that nobody runs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from truetpot.formats import Weight
from truetpot.ops import Operator
from truetpot.ops.inputs import HOST_INT, Category, Inputs, Sized, array_dtype

FEW = 1 << 14
"""Numbers that are made for real."""


def hollow_inputs(op: Operator, case: Any) -> Inputs:
    """As ``op.inputs``, without the time and the memory that large random arrays take.

    A few numbers, and all that a kernel finds its way by (lengths, positions, ids, block tables),
    have real values.
    """
    rng, made = np.random.default_rng(0), Inputs()
    for one in op.sized(case):
        made[one.name] = _hollow(one, rng, made)
    return made


def _hollow(one: Sized, rng: np.random.Generator, before: Inputs) -> Any:
    if one.given and one.input.category is Category.WEIGHT:  # a row of W stands for all
        row = replace(one, shape=(1, one.shape[1])).drawn(rng, before)
        return _with_rows(row, one.shape[0])
    if not one.given or one.dtype == HOST_INT or math.prod(one.shape) <= FEW:
        return one.drawn(rng, before)
    dtype = array_dtype(one.dtype)
    if dtype.kind == "i" and one.input.category is Category.ACTIVATION:
        return one.drawn(rng, before)
    return np.broadcast_to(np.zeros(1, dtype), one.shape)


def _with_rows(row: Weight, n: int) -> Weight:
    codes, scales = (
        None if a is None else np.broadcast_to(a[:1], (n, *a.shape[1:]))
        for a in (row.codes, row.scales)
    )
    assert codes is not None
    return Weight(row.format, (n, row.shape[1]), codes, scales)
