"""Time that is counted once: kernels may overlap, on one stream or on several."""

from __future__ import annotations

import numpy as np


def exclusive_s(start_s: np.ndarray, duration_s: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Seconds of each kernel that no other one has already had [n].

    ``start_s`` ascends. Of two kernels of one ``rank`` (an integer [n]) the earlier keeps what they
    share; of two ranks the lower one does: a collective is counted where no kernel runs beside it.
    The sum is the time in which the device does anything.
    """
    own = np.zeros(len(start_s))
    taken_start = taken_end = np.empty(0)
    for one in np.unique(rank):
        which = np.flatnonzero(rank == one)
        start, end = start_s[which], start_s[which] + duration_s[which]
        before = np.concatenate([[-np.inf], np.maximum.accumulate(end)[:-1]])
        start = np.minimum(np.maximum(start, before), end)
        own[which] = (end - start) - _shared(start, end, taken_start, taken_end)
        taken_start, taken_end = union(
            np.concatenate([taken_start, start]), np.concatenate([taken_end, end])
        )
    return np.maximum(own, 0.0)


def union(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of the intervals that these cover, disjoint and ascending."""
    if not len(start):
        return start, end
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.maximum.accumulate(end[order])
    new = np.concatenate([[True], start[1:] > end[:-1]])
    return start[new], end[np.concatenate([new[1:], [True]])]


def _shared(
    start: np.ndarray, end: np.ndarray, taken_start: np.ndarray, taken_end: np.ndarray
) -> np.ndarray | float:
    """Seconds of each interval that lie in disjoint ascending ones."""
    if not len(taken_start):
        return 0.0
    lengths = np.concatenate([[0.0], np.cumsum(taken_end - taken_start)])
    edges = np.stack([taken_start, taken_end], axis=1).reshape(-1)
    sums = np.stack([lengths[:-1], lengths[1:]], axis=1).reshape(-1)
    return np.interp(end, edges, sums) - np.interp(start, edges, sums)
