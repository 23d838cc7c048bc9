"""What became of one provider's kernel on one case: its samples, its standing, its row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET

from truetpot.facts.roofline import Limit
from truetpot.measure.entrant import Entrant
from truetpot.ops import Case
from truetpot.ops.registry import Config
from truetpot.ops.tuned import Choice
from truetpot.records.kernels import KernelRow
from truetpot.records.words import Cache, KernelStatus
from truetpot.stats import Ratio, Samples, Standing, contradicts


@dataclass
class KernelResult:
    """One provider on one case."""

    op: str
    case: Case
    provider: str
    device: str
    status: KernelStatus
    reason: str = ""
    error: float | None = None
    tolerance: float | None = None
    cache: Cache = Cache.NOT_TIMED
    copies: int = 0
    entrant: Entrant | None = None
    share: Ratio | None = None
    """Its bandwidth over the ceiling's, round by round, or its rate of operations over the best
    product's if that is more; None without a ceiling."""
    bound_by: Limit | None = None
    """Which of the two the share is of."""
    gemm: Samples | None = None
    """The product, where the share is of operations."""
    standing: Standing | None = None
    """Beside the fastest provider."""
    ceiling: Samples | None = None
    """In the rounds of this case."""
    bytes: int = 0
    flops: int = 0
    note: str = ""
    rounds: str = ""
    """What the kernel's arithmetic rounds further than the operator's, by design."""
    coarse: bool = False
    """Whether that takes its error above the tolerance."""
    config: Config | None = None
    """Launch parameters; None where there was no kernel."""
    choice: Choice | None = None
    """Where they come from."""
    asked: str = ""
    """As ``--config`` named them; empty where it did not."""
    beside_first: Standing | None = None
    """Beside the first of the configurations that ``--config`` named."""

    @property
    def label(self) -> str:
        """Who it is in a table: the provider, and the configuration where several race."""
        return f"{self.provider} {self.asked}" if self.asked else self.provider

    @property
    def known(self) -> bool:
        """Whether there is a time, or a fault that takes its place."""
        timed = self.entrant is not None and bool(self.entrant.device_s)
        return timed or self.status in (KernelStatus.WRONG, KernelStatus.INVALID)

    def record(self, roles: Sequence[str], samples: bool = False) -> KernelRow:
        """Seconds, bytes; None where there is no time. ``roles`` of the case in the step."""
        timed = self.entrant if self.entrant is not None and self.entrant.device_s else None
        device = None if timed is None else timed.stats
        share = self.share
        over = None if self.standing is None else self.standing.over_best
        first = None if self.beside_first is None else self.beside_first.over_best
        return KernelRow(
            op=self.op,
            case=self.case.label(),
            format=self.case.format,
            provider=self.provider,
            device=self.device,
            status=self.status,
            reason=self.reason,
            median_s=None if device is None else device.median_s,
            ci_s=None if device is None else (device.low_s, device.high_s),
            cv=None if device is None else device.cv,
            min_s=None if device is None else device.min_s,
            samples=None if device is None else device.count,
            calls_per_sample=None if timed is None else timed.per_sample,
            submitted=None if timed is None else timed.submitted,
            wall_median_s=None if timed is None else timed.wall.median_s,
            stop=None if timed is None else timed.stop,
            gb_s=None if device is None else self.bytes / device.median_s / 1e9,
            samples_s=list(timed.device_s) if timed is not None and samples else UNSET,
            bytes=self.bytes,
            flops=self.flops,
            share_of_ceiling=None if share is None else share.median,
            time_over_best=None if over is None else over.median,
            # a shape or an exception has no size, and JSON no infinity
            error=None if self.error == math.inf else self.error,
            tolerance=self.tolerance,
            cache=self.cache,
            copies=self.copies,
            note=self.note,
            config=self.config,
            asked=self.asked or None,
            time_over_first=None if first is None else first.median,
            over_first_ci=None if first is None else (first.low, first.high),
            order_to_first=None if self.beside_first is None else self.beside_first.order,
            origin=None if self.choice is None else self.choice.origin,
            origin_case=None if self.choice is None else self.choice.of_case,
            share_ci=None if share is None else (share.low, share.high),
            over_best_ci=None if over is None else (over.low, over.high),
            order=None if self.standing is None else self.standing.order,
            ceiling_gb_s=None if self.ceiling is None else self.ceiling.bandwidth / 1e9,
            roles=list(roles),
            bound_by=self.bound_by,
            ceiling_tflops=None if self.gemm is None else tflops(self.gemm),
        )

    @property
    def share_refuted(self) -> bool:
        """Whether the medians say something else of the share than the rounds do."""
        if self.share is None or self.ceiling is None or self.entrant is None:
            return False
        # a share is rate over rate: the ceiling's time over this one's, by bytes or operations
        top, ratio = self.ceiling, self.ceiling.bytes / self.bytes
        if self.gemm is not None:
            top, ratio = self.gemm, self.gemm.operations / self.flops
        return contradicts(self.share.times(ratio), top.stats, self.entrant.stats)


Row = tuple[KernelResult, tuple[str, ...]]
"""A result, and the roles that its case has in the decode step."""


def tflops(product: Samples) -> float:
    """1e12 operations a second at the median."""
    return product.operations / product.stats.median_s / 1e12
