"""The client counts the tokens that it asked for; the answers ended before."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario, Served
from tests.serving.generate.streams import each


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    """One length for all, and answers of lengths of their own."""
    outputs = np.clip(asked.outputs * random.uniform(0.3, 1, len(asked.outputs)), 8, None)
    return replace(asked, lengths="fixed", outputs=outputs.astype(np.int64))


def _apply(served: Served, random: np.random.Generator) -> Served:
    most = int(max(r.decoded for r in served.requests) * random.uniform(1.5, 8))
    return each(served, lambda request: replace(request, asked=most))


MECHANISM = Mechanism(
    "requested-count",
    ("sglang-trt", "sglang-trt-details"),
    ask=_ask,
    apply=_apply,
)
