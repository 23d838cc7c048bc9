"""``all_reduce_rms_norm``: the ranks' sum, the residual's add and the norm in one kernel."""

from __future__ import annotations

from collections.abc import Iterable

from truetpot.ops.all_reduce import ALL_REDUCE, AllReduceCase
from truetpot.ops.composite import Composite
from truetpot.ops.operator import Case
from truetpot.ops.rms_norm import RMS_NORM


def _grid() -> Iterable[tuple[Case, ...]]:
    for norm in RMS_NORM.grid():
        if norm.residual:
            for tp in (1, 2, 4):
                yield AllReduceCase(norm.dtype, norm.m, norm.hidden, tp, in_place=True), norm


ALL_REDUCE_RMS_NORM = Composite("all_reduce_rms_norm", (ALL_REDUCE, RMS_NORM), ("x",), _grid)
