"""Nothing is wrong, but the run takes less than a second, so that its peak is no second's."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Scenario


def _ask(asked: Scenario, random: np.random.Generator) -> Scenario:
    n = min(8, len(asked.prompts))
    fast = replace(
        asked.pace,
        base_s=random.uniform(0.002, 0.004),
        prefill_s=random.uniform(2e-5, 5e-5),
        per_sequence=0.0,
    )
    return replace(
        asked,
        prompts=asked.prompts[:n] // 8 + 8,
        outputs=asked.outputs[:n] // 4 + 8,
        pace=fast,
        concurrency=n,
        rate=float("inf"),
    )


MECHANISM = Mechanism("brief", shapes=("*",), ask=_ask)
