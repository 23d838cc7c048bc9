"""Nothing is wrong: the answers end by themselves, far below the limit that they were given."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario, Served
from tests.serving.generate.streams import each

LIMIT = 2048


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    n, most = len(asked.outputs), int(asked.outputs.max())
    outputs = np.clip(random.lognormal(np.log(most), 0.4, n), 8, LIMIT - 1).astype(np.int64)
    return replace(asked, lengths="log-normal", outputs=outputs)


def _apply(served: Served, random: np.random.Generator) -> Served:
    return each(served, lambda request: replace(request, asked=LIMIT))


MECHANISM = Mechanism(
    "ended",
    (
        "vllm",
        "vllm-e2el",
        "vllm-detailed",
        "vllm-table",
        "vllm-0.6",
        "vllm-0.6-detailed",
        "vllm-0.6-table",
        "sglang",
        "sglang-details",
        "sglang-oai",
        "sglang-oai-details",
        "sglang-table",
        "guidellm",
        "guidellm-requests",
        "genai-perf",
        "genai-perf-raw",
        "aiperf",
        "aiperf-records",
        "inference-perf",
        "inference-perf-messages",
        "inference-perf-requests",
        "llama-server",
        "llama-server-one",
    ),
    ask=_ask,
    apply=_apply,
)
