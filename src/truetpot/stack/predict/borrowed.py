"""What a library says of one operator: a time with its interval, or only an interval."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from truetpot.errors import UserError
from truetpot.facts.hardware import Hardware
from truetpot.stack.library.interpolate import Estimate, Interpolation
from truetpot.stack.library.limits import best_bandwidth, launch_floor
from truetpot.stack.library.physics import impossible
from truetpot.stack.library.table import Table
from truetpot.stack.predict.operators import StepOperator

COLLECTIVES = ("all_reduce", "all_gather")
NEEDED = ("linear", "decode_attention", "all_reduce")
"""Operators whose time is more than a launch: without them there is no upper end."""


@dataclass(frozen=True)
class Borrowed:
    """Seconds of one call; `seconds` None where there is only an interval."""

    seconds: float | None
    low_s: float
    high_s: float
    how: str
    table: Table | None = None


class Shelf:
    """The tables of one card that a prediction may use, and what they say of the card.

    Of one operator, format and stack the newest version counts; a table with rows that cannot be
    true is passed over. Where several stacks measured an operator, the fastest is the estimate and
    the interval holds all of them.
    """

    def __init__(self, tables: Iterable[Table], card: Hardware) -> None:
        self.card = card
        own = [one for one in tables if one.origin.card is card and one.along]
        self.passed_over = [one for one in own if impossible(one)]
        newest: dict[tuple[str, str, str], Table] = {}
        for one in sorted(own, key=lambda one: _version(one.origin.version)):
            if one not in self.passed_over:
                newest[one.op, one.format, one.origin.stack] = one
        self.entries = [Interpolation(one) for one in newest.values()]
        if not self.entries:
            raise UserError(
                f"The library has no table of {card.title} that can be interpolated and believed; "
                "see truetpot library."
            )

    @cached_property
    def bandwidth(self) -> float:
        """The most bytes a second of a row that no cache served; the datasheet's without one."""
        rates = [best_bandwidth(one.table) for one in self.entries]
        return max((one for one in rates if one), default=self.card.bandwidth_gb_s * 1e9)

    @cached_property
    def launch_s(self) -> float | None:
        """Seconds that the collector takes for a linear layer with next to no work.

        The slowest of the library's formats, as it is to be an upper end. None where no table has
        small shapes.
        """
        floors = [launch_floor(one.table) for one in self.entries if one.table.op == "linear"]
        return max((one.median_s for one in floors if one), default=None)

    def borrow(self, asked: StepOperator, launches: int, launch_s: float) -> Borrowed:
        """One call of an operator of the step.

        Raises UserError where the operator is more than a launch and no table has its shape.
        """
        entries = [one for one in self.entries if _fits(one.table, asked)]
        found: list[Estimate] = []
        refused = ""
        for one in entries:
            try:
                found.append(one.at(asked.shape))
            except UserError as error:
                refused = str(error)
        if found:
            return self._measured(found, asked)
        lowest = asked.bytes / self.bandwidth
        if asked.op in COLLECTIVES and (small := _smallest(entries, asked)) is not None:
            how = "smaller than any message measured: its bytes to the smallest"
            return Borrowed(None, lowest, max(small, lowest), how)
        if asked.op in NEEDED or (asked.op in COLLECTIVES and not entries):
            why = refused or f"no table of {self.card.title} has {asked.op} in {asked.format}."
            raise UserError(f"{asked.role} cannot be predicted: {why}")
        times = "a launch" if launches == 1 else f"{launches} launches"
        how = f"not in the library: its bytes to {times}"
        return Borrowed(None, lowest, max(launches * launch_s, lowest), how)

    def _measured(self, found: list[Estimate], asked: StepOperator) -> Borrowed:
        best = min(found, key=lambda one: one.seconds)
        # what must be read of weights or cache cannot come faster than the datasheet has it
        demand = best.table.demand(tuple(asked.shape.get(axis, 0) for axis in best.table.axes)) or 0
        least = demand / (self.card.bandwidth_gb_s * 1e9)
        how = best.how if len(found) == 1 else f"{best.how}; the interval holds {len(found)} stacks"
        low, high = min(one.low_s for one in found), max(one.high_s for one in found)
        return Borrowed(best.seconds, max(low, least), high, how, best.table)


def _fits(table: Table, asked: StepOperator) -> bool:
    """Of a collective bytes count, whatever they are bytes of."""
    return table.op == asked.op and (asked.op in COLLECTIVES or asked.format in table.formats)


def _smallest(entries: Iterable[Interpolation], asked: StepOperator) -> float | None:
    """The slowest of the tables' smallest messages among so many ranks; None above them."""
    times = []
    for entry in entries:
        table = entry.table
        rows = [key for key in table.rows if table.get(key, "ranks") == asked.shape["ranks"]]
        least = min((table.get(key, "bytes") for key in rows), default=0)
        if asked.shape["bytes"] < least:
            times.append(max(table.rows[key] for key in rows if table.get(key, "bytes") == least))
    return max(times, default=None)


def _version(text: str) -> list[tuple[int, int, str]]:
    """To sort by: numbers as numbers."""
    return [
        (1, int(part), "") if part.isdigit() else (0, 0, part)
        for part in re.findall(r"\d+|[a-z]+", text.lower())
    ]
