"""How well the rest of a table predicts each of its rows: cross-validation, leave-one-out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np

from truetpot.stack.library.physics import from_memory
from truetpot.stack.library.table import FEW_ROWS, Key, Table

ROW = "row"
EQUAL = "row, from equal batch x kv_heads"
"""A row predicted by the median of those with the same work alone."""
LEAST_ROWS = 10
"""Fewer errors than this say nothing about the next one."""


@dataclass(frozen=True)
class LeftOut:
    """Errors of times predicted without what was left out: predicted / measured - 1."""

    what: str
    """ROW, EQUAL, or the axis of which a whole value was left out: ``n``, ``k``, ``tokens``."""
    regime: str
    rows: int
    median: float
    """Of the size of the error."""
    p90: float
    low: float
    """The 5th percentile of the error with its sign."""
    high: float
    """The 95th."""
    least: float
    most: float


def regime(table: Table, key: Key) -> str:
    """The class of shapes whose errors are those of this one; empty where there is one class."""
    if table.op not in ("linear", "decode_attention"):
        return ""
    what = "weights" if table.op == "linear" else "cache"
    where = f"{what} beyond the L2" if from_memory(table, key) else f"{what} that the L2 may hold"
    if table.op == "decode_attention":
        return where
    few = table.get(key, "m") <= FEW_ROWS
    return f"m {'<=' if few else '>'} {FEW_ROWS}, {where}"


class CrossValidation:
    """The errors of one table, computed when they are first asked for."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @cached_property
    def errors(self) -> dict[tuple[str, str], list[float]]:
        """By what was left out and regime.

        A row alone is predicted by the median of its axes and of the rows with the same work.
        """
        found: dict[tuple[str, str], list[float]] = {}
        table = self.table
        for key, seconds in table.rows.items():
            kind = regime(table, key)
            lines = {axis: table.between(key, axis) for axis in table.along}
            known = {axis: line / seconds - 1 for axis, line in lines.items() if line is not None}
            for axis, error in known.items():
                found.setdefault((axis, kind), []).append(error)
            same = [other / seconds - 1 for other in table.equals(key)]
            if same:
                found.setdefault((EQUAL, kind), []).append(median(same))
            if known:
                found.setdefault((ROW, kind), []).append(median([*known.values(), *same]))
        return found

    def all(self) -> list[LeftOut]:
        """Of every regime: a row left out, then from its equals alone, then values of an axis."""
        kinds, what = sorted({kind for _, kind in self.errors}), (ROW, EQUAL, *self.table.along)
        every = (self.left_out(one, kind) for kind in kinds for one in what)
        return [one for one in every if one is not None]

    def left_out(self, what: str, kind: str) -> LeftOut | None:
        """The errors where ``what`` is left out; None where too few rows have neighbours."""
        errors = np.array(self.errors.get((what, kind), ()))
        if len(errors) < LEAST_ROWS:
            return None
        size = np.abs(errors)
        low, high = np.percentile(errors, (5, 95))
        return LeftOut(
            what=what,
            regime=kind,
            rows=len(errors),
            median=float(np.median(size)),
            p90=float(np.percentile(size, 90)),
            low=float(low),
            high=float(high),
            least=float(errors.min()),
            most=float(errors.max()),
        )
