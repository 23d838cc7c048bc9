"""The names of the rungs, and the loss between two neighbours."""

from __future__ import annotations

from truetpot.records.rungs import Rungs

RUNGS = ("spec", "ceiling", "kernels", "step", "eager", "serving")
LOSSES = {
    "ceiling/spec": "hardware: what the card does not reach of its datasheet",
    "kernels/ceiling": "kernels: bytes not read at full speed",
    "step/kernels": "launch and host: gaps between kernels (below 1: overlap of ramps and tails)",
    "eager/step": "launches: what the host loses by submitting every kernel itself",
    "serving/step": "scheduler, batching or metric",
}


def losses(rungs: Rungs) -> dict[str, float]:
    """Quotients of the rungs that are there, as anybody finds them who divides what is printed."""
    found = {}
    for name in LOSSES:
        upper, lower = (rungs.get(part) for part in name.split("/"))
        if upper is not None and lower is not None:
            found[name] = upper.ms_per_token / lower.ms_per_token
    return found


def share_of_ceiling(rungs: Rungs) -> float | None:
    """The rung ``ceiling`` over the rung ``step``; None where either is missing."""
    if rungs.ceiling is None or rungs.step is None:
        return None
    return rungs.ceiling.ms_per_token / rungs.step.ms_per_token
