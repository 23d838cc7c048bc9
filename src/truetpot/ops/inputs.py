"""What an operator takes, as data: each input's name, shape and dtype in terms of the case.

From it follow random values, the bytes that are read, what is timed cold, and what is the model's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from truetpot.facts.formats import storage
from truetpot.formats import random_weight
from truetpot.ops.arrays import NUMPY_DTYPE, normal

Inputs = dict[str, Any]
"""By name: an array, a :class:`~truetpot.formats.Weight`, an int, or None for one left out."""
Axes = tuple[str | int, ...]
"""A shape: attributes of the case by their names, and numbers."""
HOST_INT = "int"
"""The dtype of a number that a kernel gets as an int of the host: it moves no bytes."""


class Category(StrEnum):
    """Where an input comes from in a decode step."""

    ACTIVATION = "activation"
    """What a step is given or makes: activations, ids, positions, lengths, a table of angles."""
    PARAMETER = "parameter"
    """The model's, taken as it is: norms, biases, the embedding's table."""
    WEIGHT = "weight"
    """The model's, [n, k] in a weight format, which a provider packs; each layer its own."""
    CACHE = "cache"
    """What stays in memory from one step to the next, each layer its own."""

    @property
    def cold(self) -> bool:
        """Whether a kernel is timed with it out of memory, as no layer finds its own in a cache."""
        return self in (Category.WEIGHT, Category.CACHE)

    @property
    def of_model(self) -> bool:
        """Whether it is made, or read from a checkpoint, before the first step."""
        return self in (Category.WEIGHT, Category.PARAMETER)


@dataclass(frozen=True)
class Normal:
    """Normal values in float32, rounded to the input's dtype."""

    std: float = 1.0
    mean: float = 0.0

    def __call__(self, one: Sized, rng: np.random.Generator, before: Inputs) -> np.ndarray:
        """An array of the input's shape and dtype."""
        return normal(rng, one.shape, one.dtype, self.std, self.mean)


@dataclass(frozen=True)
class Known:
    """What follows from the case alone, without chance."""

    ask: Callable[[Any], Any]

    def __call__(self, one: Sized, rng: np.random.Generator, before: Inputs) -> Any:
        """What is asked of the case."""
        return self.ask(one.case)


def weight(one: Sized, rng: np.random.Generator, before: Inputs) -> Any:
    """Codes and scales of its format, of deviation 1/sqrt(k)."""
    n, k = one.shape
    return random_weight((n, k), one.dtype, rng)


@dataclass(frozen=True)
class Input:
    """One input of an operator, for all of its cases.

    ``shape`` and ``read`` name attributes of the case, ``dtype`` names one that holds a dtype or is
    one itself: ``int32``, ``int64``, ``fp32``, or ``int`` for a number of the host.
    """

    name: str
    shape: Axes
    dtype: str = "dtype"
    draw: Draw | None = None
    """How values are drawn; None: those of a weight, or normal ones of unit variance."""
    category: Category = Category.ACTIVATION
    read: Axes | None = None
    """The shape of the part that a call has to read; None: all of it."""
    given: str = ""
    """The attribute of the case without which the input is None; empty: it is never None."""

    def of(self, case: Any) -> Sized:
        """The input at the case's sizes.

        Raises AttributeError for what the case has not, UserError for a K that cuts a block.
        """
        dtype = getattr(case, self.dtype, self.dtype)
        shape = _sizes(self.shape, case)
        given = not self.given or bool(getattr(case, self.given))
        part = shape if self.read is None else _sizes(self.read, case)
        read = _nbytes(self.category, dtype, part) if given else 0
        return Sized(self, case, shape, dtype, given, read)


@dataclass(frozen=True)
class Sized:
    """One input of one case: ``shape`` in elements, ``dtype`` by its name, bytes read by a call."""

    input: Input
    case: Any
    shape: tuple[int, ...]
    dtype: str
    given: bool
    read_bytes: int

    @property
    def name(self) -> str:
        """As a kernel takes it."""
        return self.input.name

    @property
    def nbytes(self) -> int:
        """Bytes of all of it in the canonical format; 0 of an input that is left out."""
        return _nbytes(self.input.category, self.dtype, self.shape) if self.given else 0

    def drawn(self, rng: np.random.Generator, before: Inputs) -> Any:
        """Fresh random values, those of the inputs ``before`` it known; None if it is left out."""
        if not self.given:
            return None
        usual = weight if self.input.category is Category.WEIGHT else Normal()
        return (self.input.draw or usual)(self, rng, before)


Draw = Callable[[Sized, np.random.Generator, Inputs], Any]
"""Values of one input, from the generator and from what was drawn before; never zeros."""


def array_dtype(name: str) -> np.dtype:
    """NumPy's dtype of an activation, KV or integer dtype by its name."""
    return NUMPY_DTYPE[name] if name in NUMPY_DTYPE else np.dtype(name)


def _nbytes(category: Category, dtype: str, shape: tuple[int, ...]) -> int:
    if dtype == HOST_INT:
        return 0
    if category is Category.WEIGHT:
        n, k = shape
        return sum(storage(dtype, n, k)[:2])
    return math.prod(shape) * array_dtype(dtype).itemsize


def _sizes(axes: Axes, case: Any) -> tuple[int, ...]:
    return tuple(int(getattr(case, axis)) if isinstance(axis, str) else axis for axis in axes)
