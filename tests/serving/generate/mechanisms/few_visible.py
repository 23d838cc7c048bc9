"""Most tokens show no text, and the client counts the text: between two messages that it sees many
steps have passed. The file has another count, or the length asked for, beside that."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Request, Scenario, Served
from tests.serving.generate.streams import each


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    """One length for all, which the tools write down."""
    return replace(asked, lengths="fixed", outputs=np.full(len(asked.outputs), asked.outputs.max()))


def _apply(served: Served, random: np.random.Generator) -> Served:
    share = random.uniform(0.03, 0.4)

    def change(request: Request) -> Request:
        seen = random.random(request.decoded) < share
        seen[[0, -1]] = True
        return replace(request, shown=np.where(seen, request.shown, 0))

    return each(served, change)


MECHANISM = Mechanism(
    "few-visible",
    (
        "genai-perf",
        "genai-perf-raw",
        "aiperf",
        "aiperf-records",
        "inference-perf",
        "inference-perf-requests",
        "inference-benchmarker",
        "llmperf",
    ),
    ask=_ask,
    apply=_apply,
)
