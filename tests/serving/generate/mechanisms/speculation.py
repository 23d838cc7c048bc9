"""Speculative decoding: the accepted tokens of a step come in one message."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario, Served
from tests.serving.generate.streams import each, merged, steps


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    return replace(asked, tokens_a_step=random.uniform(1.5, 4))


def _apply(served: Served, random: np.random.Generator) -> Served:
    return each(served, lambda request: merged(request, steps(request)))


MECHANISM = Mechanism(
    "speculation",
    (
        "vllm",
        "vllm-e2el",
        "vllm-detailed",
        "vllm-table",
        "sglang",
        "sglang-details",
        "sglang-table",
        "sglang-oai",
        "sglang-oai-details",
        "guidellm",
        "guidellm-requests",
        "genai-perf-raw",
        "aiperf",
        "aiperf-records",
        "inference-perf",
        "inference-perf-messages",
        "inference-perf-requests",
        "ipex-llm-online",
        "trtllm-bench",
        "llama-server",
        "llama-server-one",
    ),
    ask=_ask,
    apply=_apply,
)
