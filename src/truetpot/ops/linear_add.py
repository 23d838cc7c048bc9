"""``linear_add``: a projection that goes straight into the residual stream."""

from __future__ import annotations

from collections.abc import Iterable

from truetpot.ops.add import ADD, AddCase
from truetpot.ops.composite import Composite
from truetpot.ops.linear import LINEAR
from truetpot.ops.operator import Case


def _grid() -> Iterable[tuple[Case, ...]]:
    for linear in LINEAR.grid():
        if linear.m == 1:
            yield linear, AddCase(linear.dtype, linear.m, linear.n)


LINEAR_ADD = Composite("linear_add", (LINEAR, ADD), ("x",), _grid)
