"""A time between measured shapes, with the interval that leaving such shapes out gives it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from truetpot.errors import UserError
from truetpot.stack.library.cross import EQUAL, CrossValidation, regime
from truetpot.stack.library.table import INTERPOLATED, Key, Table

SAME = {"tokens": 0.01}
"""A value this near to a measured one counts as that one: a token more in a cache of a thousand is
no other shape. Not so n, k and m, where alignment decides which kernel runs."""


@dataclass(frozen=True)
class Estimate:
    """Seconds of one call.

    `axes` are those it was interpolated along, EQUAL among them where rows with the same work
    stand for one; none of a measured row.
    """

    seconds: float
    low_s: float
    high_s: float
    axes: tuple[str, ...]
    table: Table

    @property
    def how(self) -> str:
        """How the time was found: a measured row, or between which values."""
        between = [axis for axis in self.axes if axis != EQUAL]
        same = ["equal batch x kv_heads"] if EQUAL in self.axes else []
        said = [f"between {', '.join(between)}"] if between else []
        return ", ".join([*said, *same]) or "a measured row"


class Interpolation:
    """Times of one table at any shape within what it measured."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.validation = CrossValidation(table)

    def at(self, shape: Mapping[str, int]) -> Estimate:
        """The time of a shape, linear in bytes and operations between its neighbours.

        Of a measured row the interval is the row. Along each axis that lies between measured values
        it is widened by the 5th and 95th percentile of the error where whole values of that axis
        are left out, in the same regime; where rows with the same work stand for a shape, by those
        of that error. Raises UserError for a shape outside of the table: nothing is extrapolated.
        """
        table = self.table
        key = tuple(self._snapped(axis, shape.get(axis, 0)) for axis in table.axes)
        axes = [axis for axis in INTERPOLATED.get(table.op, ()) if axis in table.axes]
        found = self._within(key, axes)
        if found is None:
            raise UserError(f"{self._outside(key)}; nothing is extrapolated.")
        seconds, used = found
        low = high = seconds
        for axis in sorted(used):
            errors = self.validation.left_out(axis, regime(table, key))
            if errors is None or errors.low <= -1:
                raise UserError(
                    f"{table.name} has too few rows to say how far a time between its values of "
                    f"{axis} is off; give a library with more."
                )
            low, high = low / (1 + max(errors.high, 0.0)), high / (1 + min(errors.low, 0.0))
        named = tuple(axis for axis in (*axes, EQUAL) if axis in used)
        return Estimate(seconds, low, high, named, table)

    def _within(self, key: Key, axes: list[str]) -> tuple[float, frozenset[str]] | None:
        """Seconds and the axes that were needed; None where no neighbours surround the shape."""
        if (row := self.table.rows.get(key)) is not None:
            return row, frozenset()
        if same := self.table.equals(key):
            return median(same), frozenset({EQUAL})
        # first what was never measured, so that the rest is found on the grid
        order = sorted(axes, key=lambda axis: self.table.get(key, axis) in self.table.values[axis])
        for axis in order:
            rest, at = [one for one in axes if one != axis], self.table.axes.index(axis)
            x, values = self.table.get(key, axis), self.table.values[axis]
            i = bisect_left(values, x)
            above = values[i + 1 :] if i < len(values) and values[i] == x else values[i:]
            if i == 0 or not above:
                continue
            low, high = values[i - 1], above[0]
            ends = [self._within((*key[:at], v, *key[at + 1 :]), rest) for v in (low, high)]
            if ends[0] is None or ends[1] is None:
                continue
            (first, used), (last, also) = ends[0], ends[1]
            return first + (last - first) * (x - low) / (high - low), used | also | {axis}
        return None

    def _snapped(self, axis: str, value: int) -> int:
        if axis not in SAME:
            return value
        near = min(self.table.values[axis], key=lambda one: abs(one - value), default=value)
        return near if abs(near - value) <= SAME[axis] * value else value

    def _outside(self, key: Key) -> str:
        """Which coordinate no row has, or surrounds."""
        table = self.table
        for axis in table.axes:
            x = table.get(key, axis)
            measured = sorted({table.get(row, axis) for row in table.rows})
            inside = measured[0] <= x <= measured[-1] if axis in table.values else x in measured
            if not inside:
                span = f"{measured[0]} to {measured[-1]}"
                words = span if axis in table.values else ", ".join(map(str, measured))
                return f"{table.name} has {axis} {words}, and {x} is asked for"
        return f"{table.name} has no rows around {dict(zip(table.axes, key, strict=True))}"
