"""Beside the token's message comes one without text (a role, an empty delta), and the client takes
it for a token, or for a gap between two."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Request, Served
from tests.serving.generate.streams import BURST_S, each


def _apply(served: Served, random: np.random.Generator) -> Served:
    def change(request: Request) -> Request:
        delays = BURST_S * random.uniform(0.5, 1.5, len(request.at))
        at = np.column_stack([request.at, request.at + delays]).ravel()
        none = np.zeros_like(request.tokens)
        return replace(
            request,
            at=at,
            tokens=np.column_stack([request.tokens, none]).ravel(),
            shown=np.column_stack([request.shown, none]).ravel(),
            done=max(request.done, at[-1] + 1e-4),
        )

    return each(served, change)


MECHANISM = Mechanism(
    "events",
    (
        "vllm",
        "vllm-e2el",
        "vllm-detailed",
        "vllm-table",
        "inferencex",
        "inference-perf-messages",
        "ipex-llm-online",
    ),
    apply=_apply,
)
