"""``argmax``: the greedy token of each row of logits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from truetpot.ops.arrays import exact
from truetpot.ops.inputs import Input, Inputs
from truetpot.ops.operator import Case, Operator, Outputs


@dataclass(frozen=True)
class ArgmaxCase(Case):
    """logits [m, vocab] in ``dtype``, out int64 [m]."""

    m: int
    vocab: int


class _Argmax(Operator):
    name = "argmax"
    takes = (Input("logits", ("m", "vocab")),)

    def writes(self, case: ArgmaxCase) -> Mapping[str, int]:
        """An int64 id for each row."""
        return {"out": case.m * 8}

    def flops(self, case: ArgmaxCase) -> int:
        """One comparison for each element."""
        return case.m * case.vocab

    def reference(self, case: ArgmaxCase, inputs: Inputs) -> Outputs:
        """The lowest index of the largest logit."""
        return {"out": np.argmax(exact(inputs["logits"]), axis=1)}

    def tolerance(self, case: ArgmaxCase) -> float:
        """0, as an id is exact."""
        return 0.0

    def error(self, case: ArgmaxCase, inputs: Inputs, got: Outputs, want: Outputs) -> float:
        """0 where every id names a largest logit of its row (any of a tie), else ``inf``."""
        ids, logits = got["out"], exact(inputs["logits"])
        if ids.shape != (case.m,) or np.any(ids < 0) or np.any(ids >= case.vocab):
            return math.inf
        named = logits[np.arange(case.m), ids]
        return 0.0 if np.array_equal(named, logits.max(axis=1)) else math.inf

    def grid(self) -> Iterable[ArgmaxCase]:
        """One element, odd widths, several rows."""
        for dtype in ("bf16", "fp16", "fp32"):
            for m, vocab in ((1, 1), (1, 97), (3, 1000), (16, 333), (1, 152064)):
                yield ArgmaxCase(dtype, m, vocab)


ARGMAX = _Argmax()
