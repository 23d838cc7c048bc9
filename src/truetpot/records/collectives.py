"""The record of ``truetpot kernels --op all_reduce,all_gather``: what ranks take to meet."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType, field

from truetpot.records.numbers import AtLeastOne, Bytes, Count, Finite, NotNegative
from truetpot.records.opening import Measured, Part
from truetpot.records.words import KernelStatus
from truetpot.stats import Submitted


class CollectiveRow(Part, frozen=True, kw_only=True):
    """One case, provider and way of submitting. Times are of one call, null where there is none."""

    op: str
    case: str
    provider: str
    in_place: bool
    """x may be used up."""
    submitted: Submitted
    status: KernelStatus
    """Each rank checks its own sum."""
    reason: str
    payload_bytes: Bytes
    """Summed, or gathered in all."""
    p50_s: Finite | None
    """Over the samples of all ranks."""
    p99_s: Finite | None
    rank_medians_s: list[Finite] | None
    """By rank."""
    algorithm_gb_s: Finite | None
    """Payload over `p50_s`; null for an empty payload."""
    samples: Count
    """Of each rank."""
    calls_per_sample: Count
    """A sample is the mean of so many calls."""
    error: NotNegative | None
    """Null where it is infinite."""
    tolerance: NotNegative | None
    samples_s: list[list[Finite]] | UnsetType = UNSET
    """By rank and sample, with `--samples`."""


class CollectivesRecord(Measured, frozen=True, kw_only=True):
    """`truetpot kernels --op all_reduce,all_gather --json`."""

    kind: Literal["collectives"] = "collectives"
    model: str
    tp: AtLeastOne
    """Ranks."""
    backend: str
    """`nccl`, `xccl`, `gloo`; empty for one rank."""
    results: list[CollectiveRow]
    warnings: list[str] = field(default_factory=list)
    """What a reader must be told, in sentences."""
    state_after: dict[str, Any]
    """As `environment.state`, at the end."""
