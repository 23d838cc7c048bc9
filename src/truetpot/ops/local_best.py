"""``local_best``: the largest logit of a rank's part of the vocabulary, and where it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from truetpot.ops.arrays import exact
from truetpot.ops.inputs import Input, Inputs, Sized
from truetpot.ops.operator import Case, Operator, Outputs


@dataclass(frozen=True)
class LocalBestCase(Case):
    """logits [m, vocab] in ``logits`` and ids int64 [m], out [m, 2] in ``dtype``: value and id.

    ``dtype`` is fp32, which holds every id below 2^24: no vocabulary is larger.
    """

    m: int
    vocab: int
    logits: str


def _best(ids: Sized, rng: np.random.Generator, before: Inputs) -> np.ndarray:
    """As ``argmax`` gives them."""
    return np.argmax(exact(before["logits"]), axis=1)


class _LocalBest(Operator):
    name = "local_best"
    takes = (
        Input("logits", ("m", "vocab"), "logits", read=("m",)),
        Input("ids", ("m",), "int64", _best),
    )

    def writes(self, case: LocalBestCase) -> Mapping[str, int]:
        """A value and an id for each row."""
        return {"out": case.m * 8}

    def flops(self, case: LocalBestCase) -> int:
        """0, as it copies only."""
        return 0

    def reference(self, case: LocalBestCase, inputs: Inputs) -> Outputs:
        """``logits[ids]`` beside the ids, in float64."""
        ids = inputs["ids"]
        values = exact(inputs["logits"])[np.arange(case.m), ids]
        return {"out": np.stack([values, ids.astype(np.float64)], axis=1)}

    def tolerance(self, case: LocalBestCase) -> float:
        """0, as a copy is exact."""
        return 0.0

    def grid(self) -> Iterable[LocalBestCase]:
        """One element, odd widths, several rows."""
        for dtype in ("bf16", "fp16", "fp32"):
            for m, vocab in ((1, 1), (3, 1000), (16, 333), (1, 76032)):
                yield LocalBestCase("fp32", m, vocab, dtype)


LOCAL_BEST = _LocalBest()
