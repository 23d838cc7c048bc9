"""Inputs of an operator without their contents, for a launch that nobody runs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from truetpot.formats import Weight
from truetpot.ops import Case, Composite, Operator
from truetpot.ops.operator import Inputs

FEW = 1 << 14
"""Numbers that are made for real."""


def hollow_inputs(op: Operator, case: Any) -> Inputs:
    """As ``op.inputs``, without the time and the memory that large random arrays take.

    Small integer inputs (lengths, positions, ids) have real values. Whatever an operator that is
    not known here does with the generator costs what it costs.
    """
    if isinstance(op, Composite):
        merged: Inputs = {}
        for i, (part, its) in enumerate(zip(op.parts, case.parts, strict=True)):
            fresh = hollow_inputs(part, its)
            if i:
                fresh.pop(op.wires[i - 1], None)
            merged = fresh | merged
        return merged
    rng: Any = _Hollow()
    if op.weights and hasattr(case, "n"):  # a row of W stands for all
        inputs = op.inputs(replace(case, n=1), rng)
        return {name: _with_rows(value, case) for name, value in inputs.items()}
    return op.inputs(case, rng)


def _with_rows(value: Any, case: Case) -> Any:
    """A weight of one row, and a bias of one element, with all of them."""
    n = getattr(case, "n", 1)
    if isinstance(value, Weight):
        codes, scales = (None if a is None else _rows(a, n) for a in (value.codes, value.scales))
        assert codes is not None
        return Weight(value.format, (n, value.shape[1]), codes, scales)
    return _rows(value, n) if isinstance(value, np.ndarray) and value.shape == (1,) else value


def _rows(array: np.ndarray, n: int) -> np.ndarray:
    return np.broadcast_to(array[:1], (n, *array.shape[1:]))


class _Zeros(np.ndarray):
    """One element that looks like many, also after what operators do to random numbers."""

    def __mul__(self, other: Any) -> Any:
        return self

    __rmul__ = __add__ = __radd__ = __mul__

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        return _zeros(self.shape, dtype)


def _zeros(shape: Any, dtype: Any) -> Any:
    return np.broadcast_to(np.zeros(1, dtype), shape).view(_Zeros)


class _Hollow:
    """A generator whose many numbers are one; integers are random as ever."""

    def __init__(self) -> None:
        self._real = np.random.default_rng(0)

    def standard_normal(self, shape: Any = (), dtype: Any = np.float64) -> Any:
        """Zeros that take no memory; a few numbers are real ones, which may be written to."""
        if math.prod(np.atleast_1d(shape).tolist()) <= FEW:
            return self._real.standard_normal(shape, dtype=dtype)
        return _zeros(shape, dtype)

    def bytes(self, length: int) -> bytes:
        """Zeros; the system gives their memory when somebody looks."""
        return bytes(length)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
