"""The record of ``truetpot kernels``: each provider's kernel on each case."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from truetpot.facts.roofline import Limit
from truetpot.records.ceiling import CeilingRow
from truetpot.records.numbers import (
    AtLeastOne,
    Bytes,
    Config,
    Count,
    Finite,
    NotNegative,
    Share,
)
from truetpot.records.opening import Measured, Part
from truetpot.records.words import Cache, KernelStatus, Origin
from truetpot.stats import Comparison, Stop, Submitted


class KernelRow(Part, frozen=True, kw_only=True):
    """One provider on one case. Times are of one call, and null where there is none."""

    op: str
    case: str
    """Unique within the operator."""
    format: str
    """Of the weights; of the activations where there are none."""
    provider: str
    device: str
    """`cpu`, `xpu:0`."""
    status: KernelStatus
    reason: str
    """Of a status other than `ok`."""
    median_s: Finite | None
    """Zero or less only where the status is `invalid`."""
    ci_s: tuple[Finite, Finite] | None
    """95 % interval of the median."""
    cv: NotNegative | None
    """Standard deviation over mean."""
    min_s: Finite | None
    samples: AtLeastOne | None
    """How many."""
    calls_per_sample: AtLeastOne | None
    submitted: Submitted | None
    wall_median_s: Finite | None
    """By the host's clock."""
    stop: Stop | None
    """Which rule ended the race."""
    gb_s: Finite | None
    samples_s: list[Finite] | UnsetType = UNSET
    """Every sample, with `--samples`."""
    bytes: Bytes
    """That one call must read and write."""
    flops: Count
    """Of one call."""
    share_of_ceiling: Share | None
    """Of bytes or of operations, whichever is larger; median over the rounds."""
    time_over_best: NotNegative | None
    """This provider's time over the fastest's, median over the rounds."""
    error: NotNegative | None
    """Null where it is infinite: a wrong shape, a NaN, an exception."""
    tolerance: NotNegative | None
    cache: Cache
    copies: Count
    """Through which the calls go."""
    note: str
    """The code path."""
    config: Config | None
    """Launch parameters, all of them; null without a kernel."""
    origin: Origin | None = None
    """Where they come from; null without a kernel."""
    origin_case: str | None = None
    """The case whose entry it is, where `origin` is `nearest`."""
    share_ci: tuple[Finite, Finite] | None = None
    """95 % interval of `share_of_ceiling`."""
    over_best_ci: tuple[Finite, Finite] | None = None
    """95 % interval of `time_over_best`."""
    order: Comparison | None = None
    """Beside the fastest; `undecided` where the order is not established."""
    ceiling_gb_s: Finite | None = None
    """In the rounds of this case."""
    asked: str | None = None
    """As `--config` named the launch parameters; null without it."""
    time_over_first: NotNegative | None = None
    """This configuration's time over that of the first `--config`, median over the rounds."""
    over_first_ci: tuple[Finite, Finite] | None = None
    """95 % interval of `time_over_first`."""
    order_to_first: Comparison | None = None
    """Beside the first `--config`; `undecided` where the order is not established."""
    roles: list[str]
    """Of the case in the decode step."""
    bound_by: Limit | None = None
    """Which of the two `share_of_ceiling` is of; null without a share."""
    ceiling_tflops: Finite | None = None
    """1e12 operations a second of the best matrix product in the rounds of this case, where
    operations bound."""


class KernelsRecord(Measured, frozen=True, kw_only=True):
    """`truetpot kernels --json`: one entry a case and provider."""

    kind: Literal["kernels"] = "kernels"
    model: str | None
    """Null with `--shape`."""
    ceiling: CeilingRow | None
    results: list[KernelRow]
    warnings: list[str]
    state_after: dict[str, Any]
    """As `environment.state`, at the end."""
