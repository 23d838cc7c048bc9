"""What a library says of its card and its collector: best bandwidth, launch floor, scatter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from truetpot.facts.hardware import Hardware
from truetpot.stack.library.physics import from_memory
from truetpot.stack.library.table import FEW_ROWS, Key, Table

NEGLIGIBLE = 0.05
"""Of a row's time: work that takes less of it at the datasheet's rates says nothing about the row,
whose time is then that of a launch."""
LEAST_ROWS = 10
"""Fewer rows than this have no median worth printing."""


@dataclass(frozen=True)
class LaunchFloor:
    """Times of `rows` shapes whose work is negligible, and how far these equals differ."""

    rows: int
    median_s: float
    low_s: float
    """The 5th percentile."""
    high_s: float
    """The 95th."""
    scatter: float
    """Median of the relative distance from the median."""
    scatter_p90: float


def launch_floor(table: Table) -> LaunchFloor | None:
    """The least that the collector reports of this operator; None without enough small shapes."""
    card = table.origin.card
    if card is None:
        return None
    times = np.array([s for key, s in table.rows.items() if _negligible(table, card, key, s)])
    if len(times) < LEAST_ROWS:
        return None
    median = float(np.median(times))
    apart = np.abs(times / median - 1)
    low, high = np.percentile(times, (5, 95))
    scatter, p90 = np.percentile(apart, (50, 90))
    return LaunchFloor(len(times), median, float(low), float(high), float(scatter), float(p90))


def best_bandwidth(table: Table) -> float | None:
    """The most bytes a second of a row that no cache can have served; None without such a row."""
    rates = [
        (table.demand(key) or 0) / seconds
        for key, seconds in table.rows.items()
        if from_memory(table, key)
    ]
    return max(rates, default=None)


def _negligible(table: Table, card: Hardware, key: Key, seconds: float) -> bool:
    demand = table.demand(key)
    if demand is None or max(table.get(key, "m"), table.get(key, "batch")) > FEW_ROWS:
        return False
    needed = demand / (card.bandwidth_gb_s * 1e9)
    if card.fp16_tflops:
        needed = max(needed, table.operations(key) / (card.fp16_tflops * 1e12))
    return needed < NEGLIGIBLE * seconds
