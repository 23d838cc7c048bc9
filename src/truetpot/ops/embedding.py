"""``embedding``: one row of a table a token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from truetpot.ops.arrays import ITEMSIZE, exact
from truetpot.ops.inputs import Category, Input, Inputs, Sized
from truetpot.ops.operator import Case, Operator, Outputs


@dataclass(frozen=True)
class EmbeddingCase(Case):
    """ids int64 [m], table [vocab, hidden] in ``dtype``, out [m, hidden]."""

    m: int
    vocab: int
    hidden: int


def _ids(ids: Sized, rng: np.random.Generator, before: Inputs) -> np.ndarray:
    """Uniform, the first and the last row always among them when there are two."""
    drawn = rng.integers(0, ids.case.vocab, ids.shape)
    drawn[0] = ids.case.vocab - 1
    drawn[1:2] = 0
    return drawn


class _Embedding(Operator):
    name = "embedding"
    takes = (
        Input("ids", ("m",), "int64", _ids),
        Input("table", ("vocab", "hidden"), category=Category.PARAMETER, read=("m", "hidden")),
    )

    def writes(self, case: EmbeddingCase) -> Mapping[str, int]:
        """The rows that the ids name."""
        return {"out": case.m * case.hidden * ITEMSIZE[case.dtype]}

    def reduced(self, case: EmbeddingCase, rows: int) -> EmbeddingCase:
        """Fewer entries: the loop over them is the same."""
        return replace(case, vocab=min(case.vocab, rows))

    def flops(self, case: EmbeddingCase) -> int:
        """0, as it copies only."""
        return 0

    def reference(self, case: EmbeddingCase, inputs: Inputs) -> Outputs:
        """The rows ``table[ids]``, in float64."""
        return {"out": exact(np.asarray(inputs["table"])[inputs["ids"]])}

    def tolerance(self, case: EmbeddingCase) -> float:
        """0, as a copy is exact."""
        return 0.0

    def grid(self) -> Iterable[EmbeddingCase]:
        """Odd sizes, one row and several."""
        for dtype in ("bf16", "fp16", "fp32"):
            for m, vocab, hidden in ((1, 1, 1), (1, 97, 40), (3, 1000, 129), (16, 50, 64)):
                yield EmbeddingCase(dtype, m, vocab, hidden)


EMBEDDING = _Embedding()
