"""``all_gather``: every rank's x, on every rank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from truetpot.ops.arrays import ITEMSIZE, NUMPY_DTYPE, exact, normal
from truetpot.ops.inputs import Input, Inputs, Sized
from truetpot.ops.operator import Case, Operator, Outputs


@dataclass(frozen=True)
class AllGatherCase(Case):
    """x [m, n] on each of ``tp`` ranks, out [tp, m, n] the same on all."""

    m: int
    n: int
    tp: int

    @property
    def payload(self) -> int:
        """Bytes of out, on each rank."""
        return self.tp * self.m * self.n * ITEMSIZE[self.dtype]


class _AllGather(Operator):
    name = "all_gather"
    collective = True

    def __init__(self, rank: int = 0) -> None:
        self._rank = rank
        self.takes = (Input("x", ("m", "n"), draw=self._own),)

    def on_rank(self, rank: int) -> _AllGather:
        """With the x of this rank, from which every other's follows."""
        return _AllGather(rank)

    def writes(self, case: AllGatherCase) -> Mapping[str, int]:
        """The x of every rank."""
        return {"out": case.payload}

    def payload_bytes(self, case: AllGatherCase) -> int:
        """Bytes of this rank's x."""
        return case.payload // case.tp

    def _own(self, x: Sized, rng: np.random.Generator, before: Inputs) -> np.ndarray:
        """Normal: what all ranks draw alike, each its own multiple of it."""
        return normal(rng, x.shape, x.dtype) * _factor(self._rank, x.case)

    def flops(self, case: AllGatherCase) -> int:
        """0, as it copies only."""
        return 0

    def reference(self, case: AllGatherCase, inputs: Inputs) -> Outputs:
        """Every rank's x follows from this one's; powers of two lose nothing."""
        drawn = exact(inputs["x"]) / float(_factor(self._rank, case))
        factors = [float(_factor(rank, case)) for rank in range(case.tp)]
        return {"out": np.stack([drawn * factor for factor in factors])}

    def tolerance(self, case: AllGatherCase) -> float:
        """0, as a copy is exact."""
        return 0.0

    def grid(self) -> Iterable[AllGatherCase]:
        """1, 2 and 4 ranks; one element, odd sizes, the head's pairs."""
        for tp in (1, 2, 4):
            for dtype in ("bf16", "fp16", "fp32"):
                for m, n in ((1, 1), (1, 2), (3, 37), (1, 5120)):
                    yield AllGatherCase(dtype, m, n, tp)


def _factor(rank: int, case: AllGatherCase) -> np.generic:
    """1, -2, 4, -8, 1, ...: a neighbour's never equals one's own."""
    values = np.array([1, -2, 4, -8], dtype=NUMPY_DTYPE[case.dtype])
    return values[rank % 4]


ALL_GATHER = _AllGather()
