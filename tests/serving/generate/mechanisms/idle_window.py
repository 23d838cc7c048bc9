"""The tool's clock runs on after the last request: every rate in the file is too low."""

from dataclasses import replace

import numpy as np

from tests.serving.generate.mechanism import Mechanism
from tests.serving.generate.served import Served


def _apply(served: Served, random: np.random.Generator) -> Served:
    return replace(served, duration=served.duration * random.uniform(1.5, 4))


MECHANISM = Mechanism("idle-window", ("guidellm", "guidellm-requests"), apply=_apply)
