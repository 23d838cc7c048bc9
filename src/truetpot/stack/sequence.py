"""Where a sequence of names repeats: by an exact period, regular names, or the longest repeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CANDIDATES = 200
"""Distances that are tried as a period."""
WHOLE = 0.8
"""Of a sequence, what one run of a period has to cover: a period of layers never does."""
REGULAR = 0.75
"""Of the distances between a name's positions, how many have to be near their median."""
NEAR = 0.1
MOST_REPEAT = 400_000
"""Names among which the longest repeat is looked for."""


@dataclass(frozen=True)
class Run:
    """Names ``first`` to ``last`` (exclusive) repeat every ``period``."""

    first: int
    last: int
    period: int


def exact_period(names: np.ndarray) -> Run | None:
    """The smallest period whose longest run covers most of the sequence; None where none does."""
    found = [run for p in _distances(names) if (run := _longest_run(names, p)) is not None]
    whole = [run for run in found if run.last - run.first >= WHOLE * len(names)]
    return min(whole, key=lambda run: run.period, default=None)


def regular_positions(names: np.ndarray, known: np.ndarray) -> np.ndarray | None:
    """Positions of a name that comes at even distances, once a step as far as that can be told.

    ``known`` are names that are called once a step, such as a sampler's: of these the most frequent
    regular one is taken. Else, of those that come at least three times and cover most of the
    sequence, the rarest: what is called in every layer comes more often than the step.
    """
    best: tuple[int, np.ndarray] | None = None
    for name, count in zip(*np.unique(names, return_counts=True), strict=True):
        if count < 3:
            continue
        positions = np.flatnonzero(names == name) if count * 3 <= len(names) else None
        if positions is None or not _regular(positions, len(names)):
            continue
        weight = int(count) if name in known else -int(count) - len(names)
        if best is None or weight > best[0]:
            best = weight, positions
    return None if best is None else best[1]


def longest_repeat(names: np.ndarray) -> np.ndarray | None:
    """Positions where the longest sequence that comes at least twice begins, none inside another.

    By doubling: the number of a sequence of 2 L names is that of the pair of its halves.
    """
    if not 4 <= len(names) <= MOST_REPEAT:
        return None
    numbers, length = np.unique(names, return_inverse=True)[1].astype(np.int64), 1
    ranks = [numbers]
    while 2 * length <= len(names) // 2:
        last = ranks[-1]
        pairs = last[:-length] * (int(last.max()) + 1) + last[length:]
        new = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
        if len(_apart(new, 2 * length)) < 2:
            break
        ranks.append(new)
        length *= 2
    positions = _apart(ranks[-1], length)
    return positions if length >= 4 and len(positions) >= 2 else None


def _apart(numbers: np.ndarray, length: int) -> np.ndarray:
    """Positions of the number that comes most often without overlap; a few numbers are tried."""
    values, counts = np.unique(numbers, return_counts=True)
    best = np.empty(0, dtype=np.int64)
    for value in values[np.argsort(-counts, kind="stable")[:8]]:
        kept: list[int] = []
        for position in np.flatnonzero(numbers == value):
            if not kept or position - kept[-1] >= length:
                kept.append(int(position))
        if len(kept) > len(best):
            best = np.array(kept)
    return best


def _distances(names: np.ndarray) -> list[int]:
    """Distances between neighbouring positions of a name, those first that explain most."""
    order = np.argsort(names, kind="stable")
    same = names[order][1:] == names[order][:-1]
    distances, counts = np.unique((order[1:] - order[:-1])[same], return_counts=True)
    weight = distances * counts
    best = np.argsort(-weight, kind="stable")[:CANDIDATES]
    return [int(one) for one in distances[best] if one * 2 <= len(names)]


def _longest_run(names: np.ndarray, period: int) -> Run | None:
    equal = names[:-period] == names[period:]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], equal.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return None
    at = int(np.argmax(ends - starts))
    first, last = int(starts[at]), int(ends[at]) + period
    return Run(first, last, period) if last - first >= 2 * period else None


def _regular(positions: np.ndarray, total: int) -> bool:
    distances = np.diff(positions)
    middle = float(np.median(distances))
    near = np.abs(distances - middle) <= NEAR * middle
    return bool(near.mean() >= REGULAR) and len(positions) * middle >= total / 2
