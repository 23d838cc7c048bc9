"""Is the fastest finalist faster than the default? Decided by samples that chose nothing.

The fastest of many is partly the luckiest, so the race that chose it says too much of it. And what
a process has of its own (where its memory lies, how its code is aligned) stays through all of its
samples. So the two run once more, alone, in several new processes, and each process counts once.
"""

from __future__ import annotations

from collections.abc import Callable

from truetpot.errors import KernelError
from truetpot.ops.registry import Config
from truetpot.records.tune import Decision
from truetpot.stats import across, verdict
from truetpot.tune.lab import Lab

PROCESSES = 5
LEAST = 0.01
"""The least gain that is worth an entry."""
DOUBT = 0.05
"""Of the interval, shared out among the finalists (Bonferroni): any could have been lucky."""


def decide(lab: Lab, config: Config, finalists: int, on_process: Callable[[int], None]) -> Decision:
    """The verdict on one configuration, one of so many finalists.

    ``on_process`` is told how many are done. A process that fails ends it: no verdict then.
    """
    confidence = 1 - DOUBT / max(1, finalists)
    gains: list[float] = []
    for number in range(PROCESSES):
        on_process(number)
        try:
            gains.append(lab.in_new_process(config, number).median)
        except KernelError as fault:
            return Decision(config=config, gains=gains, reason=str(fault))
    gain = across(gains, confidence)
    return Decision(
        config=config,
        verdict=verdict(gain, LEAST),
        gain=gain.median,
        gain_ci=(gain.low, gain.high),
        confidence=confidence,
        gains=gains,
    )
