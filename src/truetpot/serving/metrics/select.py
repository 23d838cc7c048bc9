"""Order statistics of tens of millions of gaps without sorting or copying them.

After Floyd and Rivest, Expected time bounds for selection, CACM 18 (1975), 10.1145/360680.360691:
a sample says between which two values a rank almost certainly lies; one pass counts what is below
them and collects what is between; the counts prove where the rank is. Where they show that the
sample misled, the pass is repeated with a wider bracket: the result is exact whatever was drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from truetpot.serving.metrics.loops import sift
from truetpot.serving.metrics.spans import Spans
from truetpot.serving.records import Floats, Ints

# Brackets of this sample hold some 3 % of the gaps together for the ranks that a summary needs.
# Twice as many draws cost as much time as they save.
_SAMPLE = 1 << 17
_SIGMAS = 3.5


def order_statistics(spans: Spans, count: int, ranks: Iterable[int]) -> dict[int, float]:
    """The value of each rank, from 0, among the `count` gaps that are numbers."""
    missing, found = sorted(set(ranks)), dict[int, float]()
    sample, sigmas = spans.sample(_SAMPLE), _SIGMAS
    while missing:
        edges, flips = _zones(sample, count, missing, sigmas)
        shares = spans.each(sift, edges, flips)
        at_least = np.sum([counts for counts, _ in shares], axis=0)
        collected = np.concatenate([values for _, values in shares])
        found |= _read(edges, flips, count - at_least, collected, missing)
        missing = [rank for rank in missing if rank not in found]
        sigmas *= 4
    return found


def _zones(
    sample: Floats, count: int, ranks: list[int], sigmas: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Edges [edges] between zones, ascending, and which of them begin or end a collected zone.

    A value that occurs twice in the sample may be that of half the gaps. It becomes a zone of its
    own, which need not be collected: the counts say all about it.
    """
    collected: list[list[float]] = []
    singles: list[float] = []
    for rank in ranks:
        centre = (rank + 0.5) / count * len(sample)
        slack = sigmas * (math.sqrt(centre * (1 - (rank + 0.5) / count)) + 1)
        first, last = math.floor(centre - slack), math.ceil(centre + slack)
        low, low_tied = _end(sample, first, -math.inf)
        high, high_tied = _end(sample, last, math.inf)
        singles += [low] * low_tied + [high] * high_tied
        begin = _after(low) if low_tied else low
        end = high if high_tied else _after(high)
        if collected and begin <= collected[-1][1]:
            collected[-1][1] = max(end, collected[-1][1])
        elif begin < end:
            collected.append([begin, end])
    flips = np.unique(np.array(collected).reshape(-1))
    edges = np.unique([*flips, *singles, *map(_after, singles)])
    return edges, np.isin(edges, flips)


def _end(sample: Floats, index: int, beyond: float) -> tuple[float, bool]:
    """The sample's value there, and whether it occurs more than once; `beyond` outside of it."""
    if not 0 <= index < len(sample):
        return beyond, False
    value = sample[index]
    return float(value), bool(np.sum(sample[max(0, index - 1) : index + 2] == value) > 1)


def _after(value: float) -> float:
    """The next double; infinity after itself."""
    return math.nextafter(value, math.inf)


def _read(
    edges: Floats, flips: NDArray[np.bool_], below: Ints, collected: Floats, ranks: list[int]
) -> dict[int, float]:
    """The ranks that lie in a collected zone or in one of a single value.

    `below` [edges] counts the gaps below each edge; `collected` has those of all collected zones.
    """
    found, offsets = dict[int, float](), dict[int, int]()
    inside = np.cumsum(flips) % 2 == 1
    sizes = np.diff(below, append=below[-1]) * inside  # the last zone is never collected
    before = np.cumsum(sizes) - sizes
    for rank in ranks:
        zone = int(np.searchsorted(below, rank, side="right")) - 1
        if zone < 0:
            continue
        if inside[zone]:
            offsets[rank] = int(before[zone] + rank - below[zone])
        elif edges[zone] == math.inf or edges[zone + 1 : zone + 2] == _after(edges[zone]):
            found[rank] = float(edges[zone])
    if offsets:
        collected.partition(list(offsets.values()))
        found |= {rank: float(collected[offset]) for rank, offset in offsets.items()}
    return found
