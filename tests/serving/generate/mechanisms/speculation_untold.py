"""Speculative decoding, the accepted tokens of a step in one message, and the server does not tell
the client how many it accepts."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.mechanisms import speculation
from tests.serving.generate.served import Served

TOLD = speculation.MECHANISM


def _apply(served: Served, random: np.random.Generator) -> Served:
    return replace(TOLD.apply(served, random), clients_fault=frozenset({"untold"}))


MECHANISM = Mechanism(
    "speculation-untold",
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
    ),
    ask=TOLD.ask,
    apply=_apply,
)
