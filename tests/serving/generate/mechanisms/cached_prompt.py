"""Most of each prompt is in the server's cache: the time to the first token is that of the rest."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    prompts = np.maximum(asked.prompts, 512)
    return replace(asked, prompts=prompts, cached=random.uniform(0.5, 0.99))


MECHANISM = Mechanism(
    "cached-prompt",
    ("llama-server", "llama-server-one", "inference-perf", "sglang", "sglang-details"),
    ask=_ask,
)
