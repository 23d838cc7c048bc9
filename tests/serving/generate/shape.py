"""A form of file that some tool writes, and how that tool loads a server."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from tests.serving.generate.served import Scenario, Served


class Load(Enum):
    """Which scenarios a tool can make."""

    ANY = "any"
    CLOSED = "a fixed number of requests under way"
    POISSON = "many requests at a mean rate"
    ALONE = "one request after another, all of them alike"

    def of(self, asked: Scenario) -> Scenario:
        """The same pace and lengths as the tool would ask for them."""
        n = len(asked.prompts)
        if self is Load.CLOSED and asked.concurrency is None:
            return replace(asked, rate=math.inf, concurrency=max(1, n // 2))
        if self is Load.POISSON:
            mean = asked.outputs.mean() * asked.pace.base_s
            prefill = asked.prompts.mean() * asked.pace.prefill_s + asked.pace.base_s
            return replace(
                asked,
                prompts=np.resize(asked.prompts, 120),
                outputs=np.resize(asked.outputs, 120),
                concurrency=None,
                rate=0.7 * min(1 / prefill, 16 / mean),
            )
        if self is Load.ALONE:
            return replace(
                asked,
                prompts=np.full(5, asked.prompts[0]),
                outputs=np.full(5, asked.outputs[0]),
                lengths="fixed",
                concurrency=1,
                rate=math.inf,
            )
        return asked


@dataclass(frozen=True)
class Shape:
    """One form of file."""

    file: str
    """Its usual name."""
    write: Callable[[Served], bytes]
    load: Load = Load.ANY
