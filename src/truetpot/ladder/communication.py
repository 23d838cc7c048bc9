"""What the ranks of a step spend on each other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from truetpot.measure.step import StepTimings
from truetpot.runtime.distributed.group import current
from truetpot.stats import stats


@dataclass(frozen=True)
class Communication:
    """The collectives of one step; times in ms per token."""

    backend: str
    count: int
    payload_bytes: int
    """Of all of them together, on one rank."""
    alone_ms: float
    """Sum of each timed alone, all ranks starting at the same time."""
    exposed_ms: float
    """The step less its kernels: communication, launches and waiting that nothing hides."""

    def to_json(self) -> dict[str, Any]:
        """Flat."""
        return asdict(self)


def communication(
    timings: StepTimings, scale: float, step_ms: float, kernels_ms: float
) -> Communication | None:
    """Of one rank, None without collectives; ``scale`` is all layers over those measured."""
    uses = [kernel.use for kernel in timings.kernels if kernel.use.op.collective]
    if not uses:
        return None
    counts = [use.count * (scale if use.layered else 1.0) for use in uses]
    sizes = [use.op.reads(use.case)["x"] for use in uses]
    return Communication(
        current().backend,
        round(sum(counts)),
        round(sum(count * size for count, size in zip(counts, sizes, strict=True))),
        stats(timings.collective_sums(scale)).median_s * 1e3,
        step_ms - kernels_ms,
    )
