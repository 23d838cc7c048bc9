"""What the ranks of a step spend on each other."""

from __future__ import annotations

from truetpot.ladder.timings import StepTimings
from truetpot.records.rungs import Communication
from truetpot.stats import stats


def communication(
    timings: StepTimings, layered: float, step_ms: float, kernels_ms: float
) -> Communication | None:
    """Of one rank, None without collectives; ``layered`` is all layers over those measured."""
    calls = [(one.calls(layered), one) for one in timings.kernels if one.collective]
    if not calls:
        return None
    return Communication(
        backend=timings.backend,
        count=round(sum(count for count, _ in calls)),
        payload_bytes=round(sum(count * one.payload_bytes for count, one in calls)),
        alone_ms=stats(timings.collective_sums(layered)).median_s * 1e3,
        exposed_ms=exposed_ms(step_ms, kernels_ms),
    )


def exposed_ms(step_ms: float, kernels_ms: float) -> float:
    """The step less its kernels: communication, launches and waiting that nothing hides."""
    return step_ms - kernels_ms
