"""The server sends no message for the tokens of the reasoning, but counts them: the time to the
first token ends at the first visible one, and what is left is divided by all."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Request, Served
from tests.serving.generate.streams import each


def _apply(served: Served, random: np.random.Generator) -> Served:
    share = random.uniform(0.3, 0.9)

    def change(request: Request) -> Request:
        hidden = round(share * random.uniform(0.9, 1.1) * request.decoded)
        hidden = min(request.decoded - 4, max(1, hidden))
        return replace(
            request,
            at=request.at[hidden:],
            tokens=request.tokens[hidden:],
            shown=request.shown[hidden:],
        )

    return each(served, change)


MECHANISM = Mechanism(
    "hidden-tokens",
    (
        "vllm",
        "vllm-e2el",
        "vllm-detailed",
        "vllm-table",
        "inferencex",
        "sglang-oai",
        "sglang-oai-details",
        "guidellm",
        "guidellm-requests",
        "aiperf-server",
    ),
    apply=_apply,
)
