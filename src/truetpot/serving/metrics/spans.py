"""Gaps of the requests that count, cut into shares that the cores take one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numba import get_num_threads
from numpy.typing import NDArray

from truetpot.serving.records import Floats, Gaps, Ints

# 4 MiB of gaps: a core that is late with one is not late for long, and some hundred calls for 5e7
# gaps cost nothing. Threads of our own rather than numba's prange: it hands out equal halves, so a
# core that others use holds up the whole, and it triples the compile time.
SHARE = 1 << 19


@dataclass(frozen=True)
class Spans:
    """Runs ``values[starts[i]:stops[i]]``, none longer than a share."""

    values: Floats
    starts: Ints
    stops: Ints

    @classmethod
    def of(cls, gaps: Gaps, keep: NDArray[np.bool_]) -> Spans:
        """The gaps of the requests with ``keep`` [requests]; neighbours become one run."""
        starts, stops = gaps.offsets[:-1][keep], gaps.offsets[1:][keep]
        starts, stops = starts[stops > starts], stops[stops > starts]
        if not len(starts):
            return cls(gaps.seconds, starts, stops)
        first = np.concatenate([[True], starts[1:] != stops[:-1]])
        starts, stops = starts[first], stops[np.append(first[1:], True)]
        pieces = -(-(stops - starts) // SHARE)
        nth = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        starts = np.repeat(starts, pieces) + nth * SHARE
        return cls(gaps.seconds, starts, np.minimum(starts + SHARE, np.repeat(stops, pieces)))

    @cached_property
    def _up_to(self) -> Ints:
        """Gaps before each run, and in all [runs + 1]."""
        return np.concatenate([[0], np.cumsum(self.stops - self.starts)])

    def each(self, loop: Callable[..., Any], *args: Any) -> list[Any]:
        """What ``loop(values, starts, stops, *args)`` returns for each share."""

        def share(first: int, last: int) -> Any:
            return loop(self.values, self.starts[first:last], self.stops[first:last], *args)

        return in_shares(share, self._up_to)

    def sample(self, size: int) -> Floats:
        """Gaps from anywhere, each draw as likely to hit one as another; sorted, without NaN."""
        rng = np.random.default_rng(0)  # the result of what uses it does not depend on the draw
        draw = rng.integers(0, self._up_to[-1], size)
        run = np.searchsorted(self._up_to, draw, side="right") - 1
        drawn = self.values[self.starts[run] + draw - self._up_to[run]]
        return np.sort(drawn[~np.isnan(drawn)])


def in_shares(call: Callable[[int, int], Any], up_to: Ints) -> list[Any]:
    """``call(first, last)`` for ranges of items of about a share each, on NUMBA_NUM_THREADS cores.

    ``up_to`` [items + 1] has the gaps before each item, and in all.
    """
    cuts = np.searchsorted(up_to, np.arange(SHARE, up_to[-1], SHARE))
    todo = deque(enumerate(pairwise(np.unique([0, *cuts, len(up_to) - 1]).tolist())))
    results: list[Any] = [None] * len(todo)

    def work() -> None:
        while True:
            try:
                i, limits = todo.popleft()
            except IndexError:
                return
            results[i] = call(*limits)

    # The caller works too: on busy cores it would be late to be woken.
    helpers = min(get_num_threads(), len(results)) - 1
    with ThreadPoolExecutor(max(helpers, 1)) as pool:
        others = [pool.submit(work) for _ in range(helpers)]
        work()
        for other in others:
            other.result()
    return results
