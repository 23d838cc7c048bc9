"""The tool divides the whole latency by the tokens, and prompts are long: the figure is mostly the
first token's time."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    """A prefill as long as the answer, at least."""
    steps = asked.outputs.mean() * random.uniform(1, 4)
    prompt = int(random.integers(1000, 4000))
    pace = replace(asked.pace, prefill_s=asked.pace.base_s * steps / prompt)
    return replace(asked, prompts=np.full(len(asked.prompts), prompt), pace=pace)


MECHANISM = Mechanism(
    "first-token-included",
    ("guidellm", "guidellm-requests", "llmperf", "llmperf-responses"),
    ask=_ask,
)
