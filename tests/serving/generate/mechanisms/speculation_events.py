"""Speculative decoding: the accepted tokens of a step come as so many messages at once."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Request, Scenario, Served
from tests.serving.generate.streams import BURST_S, each, steps


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    return replace(asked, tokens_a_step=random.uniform(2.5, 4))


def _apply(served: Served, random: np.random.Generator) -> Served:
    def change(request: Request) -> Request:
        groups = steps(request)
        place = np.arange(len(groups)) - np.searchsorted(groups, groups)
        at = request.at + place * BURST_S * random.uniform(0.5, 1.5)
        return replace(request, at=at, done=max(request.done, at[-1] + 1e-4))

    return each(served, change)


MECHANISM = Mechanism(
    "speculation-events",
    (
        "vllm",
        "vllm-e2el",
        "vllm-detailed",
        "vllm-table",
        "sglang-oai",
        "sglang-oai-details",
        "genai-perf-raw",
        "aiperf",
        "aiperf-records",
        "inference-perf",
        "inference-perf-requests",
    ),
    ask=_ask,
    apply=_apply,
)
