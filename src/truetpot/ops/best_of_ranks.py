"""``best_of_ranks``: the greedy token, from the best of each rank's part of the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from truetpot.ops.inputs import Input, Inputs, Sized
from truetpot.ops.operator import Case, Operator, Outputs


@dataclass(frozen=True)
class BestOfRanksCase(Case):
    """best float32 [tp, m, 2], value and id within the rank's ``part`` rows; out int64 [m].

    Rank r has the rows from r x part on. What is beyond ``vocab`` repeats the last row.
    """

    m: int
    tp: int
    part: int
    vocab: int


def _pairs(best: Sized, rng: np.random.Generator, before: Inputs) -> np.ndarray:
    """Random values, ids of a rank's own rows; the first row a tie of all ranks."""
    values = rng.standard_normal(best.shape[:2])
    values[:, 0] = 1.0
    ids = rng.integers(0, best.case.part, best.shape[:2])
    return np.stack([values, ids], axis=2).astype(np.float32)


class _BestOfRanks(Operator):
    name = "best_of_ranks"
    takes = (Input("best", ("tp", "m", 2), "fp32", _pairs),)

    def writes(self, case: BestOfRanksCase) -> Mapping[str, int]:
        """An int64 id for each row."""
        return {"out": case.m * 8}

    def flops(self, case: BestOfRanksCase) -> int:
        """One comparison for each pair."""
        return case.tp * case.m

    def reference(self, case: BestOfRanksCase, inputs: Inputs) -> Outputs:
        """Of equals the lowest rank's, as ``argmax`` over all would have it."""
        best = np.asarray(inputs["best"])
        rank = np.argmax(best[:, :, 0], axis=0)
        ids = best[rank, np.arange(case.m), 1].astype(np.int64)
        return {"out": np.minimum(rank * case.part + ids, case.vocab - 1)}

    def tolerance(self, case: BestOfRanksCase) -> float:
        """0, as an id is exact."""
        return 0.0

    def grid(self) -> Iterable[BestOfRanksCase]:
        """Few and many ranks, a vocabulary that does not divide."""
        for m, tp, part, vocab in ((1, 2, 8, 16), (3, 4, 52, 205), (16, 8, 19008, 152064)):
            yield BestOfRanksCase("fp32", m, tp, part, vocab)


BEST_OF_RANKS = _BestOfRanks()
