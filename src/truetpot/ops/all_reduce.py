"""``all_reduce``: the sum of every rank's x, on every rank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from truetpot.ops.arrays import ITEMSIZE, exact, normal
from truetpot.ops.inputs import Input, Inputs, Sized
from truetpot.ops.operator import Case, Operator, Outputs
from truetpot.ops.tolerance import tolerance


@dataclass(frozen=True)
class AllReduceCase(Case):
    """x [m, n] on each of ``tp`` ranks, out [m, n] the same on all.

    With ``in_place`` x may be used up, as a step's partial sums may; else it must be as before.
    """

    m: int
    n: int
    tp: int
    in_place: bool = False

    @property
    def payload(self) -> int:
        """Bytes of x, on each rank."""
        return self.m * self.n * ITEMSIZE[self.dtype]


class _AllReduce(Operator):
    name = "all_reduce"
    mutates = ("x",)
    collective = True

    def __init__(self, rank: int = 0) -> None:
        self._rank = rank
        self.takes = (Input("x", ("m", "n"), draw=self._own),)

    def on_rank(self, rank: int) -> _AllReduce:
        """With the x of this rank, from which every other's follows."""
        return _AllReduce(rank)

    def writes(self, case: AllReduceCase) -> Mapping[str, int]:
        """As many bytes as x has."""
        return {"out": case.payload}

    def payload_bytes(self, case: AllReduceCase) -> int:
        """Bytes of this rank's x."""
        return case.payload

    def _own(self, x: Sized, rng: np.random.Generator, before: Inputs) -> np.ndarray:
        """Normal: what all ranks draw alike, each turned by another amount."""
        return _turned(normal(rng, x.shape, x.dtype), self._rank)

    def flops(self, case: AllReduceCase) -> int:
        """The additions, shared among the ranks."""
        return case.m * case.n * (case.tp - 1) // case.tp

    def reference(self, case: AllReduceCase, inputs: Inputs) -> Outputs:
        """Every rank's x follows from this one's."""
        x = inputs["x"]
        parts = (exact(_turned(x, other - self._rank)) for other in range(case.tp))
        out: Outputs = {"out": np.sum([*parts], axis=0)}
        return out if case.in_place else out | {"x": exact(x)}

    def tolerance(self, case: AllReduceCase) -> float:
        """A ring adds rank after rank and may round to the dtype each time: a random walk."""
        return tolerance(case.tp, case.dtype) * max(1.0, (case.tp / 4) ** 0.5)

    def grid(self) -> Iterable[AllReduceCase]:
        """1, 2 and 4 ranks; one element, odd sizes, the step's payload, a megabyte."""
        for tp in (1, 2, 4):
            for dtype in ("bf16", "fp16", "fp32"):
                for m, n in ((1, 1), (1, 37), (3, 129), (1, 5120), (1, 1 << 18)):
                    yield AllReduceCase(dtype, m, n, tp, in_place=n % 2 == 0)


def _turned(x: np.ndarray, steps: int) -> np.ndarray:
    """The elements moved on by so many times a third: no two ranks of a few have the same."""
    return np.roll(x, steps * (x.size // 3 + 1))


ALL_REDUCE = _AllReduce()
