"""Which configuration to try next: strategies behind one interface, asked and told.

A strategy knows the space and what it was told, and neither a device nor a clock. It never asks for
one configuration twice. What a search knew before, or another card's best, is told in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Protocol

import numpy as np

from truetpot.tune.space import Space
from truetpot.tune.surrogate import Floats, Surrogate

FIRST = 5
"""Random configurations before a model is made of them."""
AGAIN = 1.4
"""The model's parameters are fitted anew when there are so many times as many points."""
CAP = 2.0
"""Times beyond this many times the median's distance from the best, in logarithms, count as that,
and so do failures: how slow the slow ones are does not matter, and must not bend the model."""


class Strategy(Protocol):
    """Asked for an index of the space, then told what that took."""

    def ask(self) -> int | None:
        """The next configuration; None when none is left."""

    def likely(self, count: int) -> list[int]:
        """At most so many of which the next are likely to be, the one of :meth:`ask` first."""

    def tell(self, index: int, cost: float | None) -> None:
        """Seconds, or the time over the default's; None for one that failed."""


class InOrder:
    """Every configuration once, as they stand."""

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._rest = [*range(len(space))]
        self._told: set[int] = set()

    def ask(self) -> int | None:
        """The first of the order that was not told of."""
        return next(iter(self.likely(1)), None)

    def likely(self, count: int) -> list[int]:
        """The next in order: they are sure to be."""
        return [*islice((i for i in self._rest if i not in self._told), count)]

    def tell(self, index: int, cost: float | None) -> None:
        """Take note that a configuration has been tried."""
        self._told.add(index)
        while self._rest and self._rest[0] in self._told:
            self._rest.pop(0)


class RandomOrder(InOrder):
    """Every configuration once, in random order."""

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        rng.shuffle(self._rest)


class Climb:
    """From a random configuration to the first faster neighbour, and on; at a top, from anew."""

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._space, self._rng = space, rng
        self._costs: dict[int, float] = {}
        self._fresh = RandomOrder(space, rng)
        self._at: int | None = None
        self._near: list[int] = []

    def ask(self) -> int | None:
        """A neighbour of where it stands, else a place to start from."""
        while self._near:
            index = self._near[-1]
            if index not in self._costs:
                return index
            self._near.pop()
            self._move(index)
        self._at = None
        return self._fresh.ask()

    def likely(self, count: int) -> list[int]:
        """The neighbours as they come, then places to start from."""
        self.ask()  # goes on to where it stands now
        near = [index for index in reversed(self._near) if index not in self._costs]
        fresh = self._fresh.likely(count + len(near))
        return [*near, *(index for index in fresh if index not in near)][:count]

    def tell(self, index: int, cost: float | None) -> None:
        """Go there, if it is faster or a new start."""
        self._costs[index] = np.inf if cost is None else cost
        self._fresh.tell(index, cost)
        self._move(index)

    def _move(self, index: int) -> None:
        if self._at is None or self._costs[index] < self._costs[self._at]:
            self._at = index
            near = self._space.neighbours(index)
            self._near = [near[i] for i in self._rng.permutation(len(near))]


class Model:
    """The configuration whose expected improvement over the best is the largest.

    By a Gaussian process (:mod:`.surrogate`) of the logarithms of the times; Jones, Schonlau and
    Welch, Efficient global optimization of expensive black-box functions, 1998.
    """

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._rng = rng
        self._fresh = RandomOrder(space, rng)
        self._surrogate = Surrogate(space.ordinals)
        self._costs: dict[int, float] = {}
        self._size = len(space)
        self._fit_at = FIRST

    def ask(self) -> int | None:
        """Where the most is to be expected."""
        return next(iter(self.likely(1)), None)

    def likely(self, count: int) -> list[int]:
        """Where the most is to be expected now: what is told next will change that."""
        known = len(self._costs)
        figures = _figures(np.array([*self._costs.values()]))
        if known < FIRST or figures is None:
            return self._fresh.likely(count)
        if known >= self._fit_at:
            self._surrogate.fit(figures, self._rng)
            self._fit_at = int(known * AGAIN) + 1
        mean, deviation = self._surrogate.predict(figures)
        expected = _improvement(figures.min() - mean, deviation)
        expected[[*self._costs]] = -1.0
        most = np.argsort(-expected, kind="stable")[: min(count, self._size - known)]
        return [int(index) for index in most]

    def tell(self, index: int, cost: float | None) -> None:
        """Add the point to the model of the costs."""
        if index not in self._costs:
            self._surrogate.add(index)
        self._costs[index] = np.inf if cost is None else cost
        self._fresh.tell(index, cost)


def _figures(costs: Floats) -> Floats | None:
    """Logarithms, capped, of mean 0 and deviation 1; None where all are the same, or failed."""
    right = np.isfinite(costs)
    if not right.any():
        return None
    logs = np.log(costs[right])
    best = logs.min()
    cap = best + CAP * (np.median(logs) - best)
    figures = np.full(len(costs), cap)
    figures[right] = np.minimum(logs, cap)
    deviation = figures.std()
    return None if deviation < 1e-9 else (figures - figures.mean()) / deviation


def _improvement(gained: Floats, deviation: Floats) -> Floats:
    """The mean of ``max(0, x)`` of a normal x with this mean and deviation."""
    ratio = gained / deviation
    density = np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi)
    # the normal distribution's cumulated density by a tanh: within 2e-4, and only an order is asked
    below = 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (ratio + 0.044715 * ratio**3)))
    expected: Floats = gained * below + deviation * density
    return expected


STRATEGIES: dict[str, Callable[[Space, np.random.Generator], Strategy]] = {
    "model": Model,
    "climb": Climb,
    "random": RandomOrder,
    "all": InOrder,
}
"""By the name that ``--strategy`` takes, the default first."""
