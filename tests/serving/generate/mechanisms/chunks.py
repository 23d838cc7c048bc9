"""The server sends a message every k tokens (a stream interval), the first one with k as well."""

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Served
from tests.serving.generate.streams import each, merged


def _apply(served: Served, random: np.random.Generator) -> Served:
    shortest = min(request.decoded for request in served.requests)
    k = int(random.integers(2, max(3, min(11, shortest // 4))))
    return each(served, lambda request: merged(request, np.arange(len(request.at)) // k))


MECHANISM = Mechanism(
    "chunks",
    (
        "vllm",
        "vllm-e2el",
        "vllm-detailed",
        "vllm-table",
        "inferencex",
        "vllm-0.6",
        "vllm-0.6-detailed",
        "vllm-0.6-table",
        "sglang-details",
        "sglang-oai",
        "sglang-oai-details",
        "guidellm",
        "guidellm-requests",
        "genai-perf-raw",
        "aiperf",
        "aiperf-records",
        "aiperf-server",
        "inference-perf",
        "inference-perf-messages",
        "inference-perf-requests",
        "ipex-llm-online",
    ),
    apply=_apply,
)
