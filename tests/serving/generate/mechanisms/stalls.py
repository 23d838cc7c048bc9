"""Long prompts of other requests are prefilled between the steps: a few gaps are very long."""

import math
from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    n, output = 40, int(random.integers(200, 400))
    prompt = int(random.integers(2000, 8000))
    # a prefill of 60 to 200 steps, and a few of them while a request decodes
    pace = replace(asked.pace, prefill_s=asked.pace.base_s * random.uniform(60, 200) / prompt)
    return replace(
        asked,
        prompts=np.full(n, prompt),
        outputs=random.integers(output // 2, output + 1, n),
        lengths="uniform",
        pace=pace,
        concurrency=int(random.integers(4, 9)),
        rate=math.inf,
        blocking=True,
    )


MECHANISM = Mechanism(
    "stalls",
    (
        "vllm",
        "vllm-e2el",
        "vllm-detailed",
        "vllm-table",
        "inferencex",
        "vllm-0.6",
        "vllm-0.6-detailed",
        "vllm-0.6-table",
        "sglang",
        "sglang-details",
        "sglang-table",
        "sglang-oai",
        "sglang-oai-details",
        "genai-perf-raw",
        "aiperf",
        "aiperf-records",
        "inference-perf",
        "inference-perf-messages",
        "inference-perf-requests",
    ),
    ask=_ask,
)
