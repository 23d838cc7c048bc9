"""When has a race taken enough samples? The clock is the caller's: here are only numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Stop(StrEnum):
    """What ended a race; empty while it goes on."""

    RUNNING = ""
    TIME = "time"
    COUNT = "count"
    NOISE = "noise"
    FAULT = "fault"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class StopRule:
    """Stop at enough certainty or at the end of the budget, whichever comes first.

    ``noise``: half the width of the median's 95 % interval over the median. ``seconds``: wall time
    of the whole race. Never before ``min_samples`` of everything in it, budget or not.
    """

    noise: float = 0.01
    seconds: float = 10.0
    min_samples: int = 20
    max_samples: int = 100_000
    warmup_s: float = 0.5


class Stopping:
    """One race's use of its rule.

    The noise is asked for only now and then: sorting all samples costs more than some kernels take,
    so each look is a tenth of the rounds further on.
    """

    def __init__(self, rule: StopRule) -> None:
        self.rule = rule
        self._look = rule.min_samples

    def after(self, rounds: int, used_s: float, noises: Iterable[float]) -> Stop:
        """Whether to stop after so many rounds and seconds.

        ``noises`` has each entrant's, and is read only where it is looked at: give a generator.
        """
        rule = self.rule
        if rounds < rule.min_samples:
            return Stop.RUNNING
        looks = rounds >= self._look
        if looks:
            self._look = rounds + max(rule.min_samples, rounds // 10)
        if used_s >= rule.seconds:
            return Stop.TIME
        if rounds >= rule.max_samples:
            return Stop.COUNT
        if looks and all(noise <= rule.noise for noise in noises):
            return Stop.NOISE
        return Stop.RUNNING
