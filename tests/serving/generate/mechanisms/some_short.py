"""Nine in a hundred requests end after three tokens; the others give all that was asked for."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario, Served
from tests.serving.generate.streams import each

SHORT = 3


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    """One length for all."""
    n, most = 44, int(asked.outputs.max())
    outputs = np.full(n, most)
    outputs[random.choice(n, 4, replace=False)] = SHORT
    prompts = np.full(n, asked.prompts.max())
    return replace(asked, lengths="fixed", prompts=prompts, outputs=outputs)


def _apply(served: Served, random: np.random.Generator) -> Served:
    most = max(r.decoded for r in served.requests)
    return each(served, lambda request: replace(request, asked=most))


MECHANISM = Mechanism(
    "some-short",
    (
        "sglang-details",
        "sglang-oai-details",
        "guidellm",
        "guidellm-requests",
        "genai-perf",
        "aiperf",
    ),
    ask=_ask,
    apply=_apply,
)
