"""Every answer ends long before the length asked for."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario, Served
from tests.serving.generate.streams import each

SHAPES = (
    "sglang",
    "sglang-details",
    "sglang-oai",
    "sglang-oai-details",
    "guidellm",
    "guidellm-requests",
    "genai-perf",
    "aiperf",
    "inference-benchmarker",
    "llmperf",
    "ipex-llm-all-in-one",
)


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    outputs = np.clip(asked.outputs * random.uniform(0.2, 1, len(asked.outputs)), 8, None)
    one = np.full(len(asked.prompts), asked.prompts.max())
    return replace(asked, lengths="fixed", prompts=one, outputs=outputs.astype(np.int64))


def _apply(served: Served, random: np.random.Generator) -> Served:
    most = int(max(r.decoded for r in served.requests) * random.uniform(1.5, 8))
    return each(served, lambda request: replace(request, asked=most))


MECHANISM = Mechanism("short-outputs", SHAPES, ask=_ask, apply=_apply)
