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
    on_process(0)
    try:
        for gain in lab.in_new_processes(config, PROCESSES):
            gains.append(gain.median)
            on_process(len(gains))
    except KernelError as fault:
        return Decision(config=config, gains=gains, reason=str(fault))
    found = across(gains, confidence)
    return Decision(
        config=config,
        verdict=verdict(found, LEAST),
        gain=found.median,
        gain_ci=(found.low, found.high),
        confidence=confidence,
        gains=gains,
    )
