"""The client appends the time to the first token to the gaps as well (vLLM issue #7242)."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario, Served

NAME = "ttft-among-gaps"


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    """Prefills that are a third of the answer's time at least: of a short one nobody would know."""
    steps = asked.outputs.mean() * random.uniform(0.33, 2)
    prompt = int(random.integers(500, 4000))
    pace = replace(asked.pace, prefill_s=asked.pace.base_s * steps / prompt)
    return replace(asked, prompts=np.full(len(asked.prompts), prompt), pace=pace)


def _apply(served: Served, random: np.random.Generator) -> Served:
    return replace(served, clients_fault=frozenset({NAME}))


MECHANISM = Mechanism(
    NAME, ("vllm-0.6", "vllm-0.6-detailed", "vllm-0.6-table"), ask=_ask, apply=_apply
)
