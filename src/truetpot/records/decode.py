"""The record of ``truetpot decode``: the ladder of one device or of several ranks."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from truetpot.records.ceiling import CeilingRow
from truetpot.records.collectives import CollectiveRow
from truetpot.records.numbers import (
    AtLeastOne,
    Bytes,
    Count,
    Finite,
    NotNegative,
    Share,
    Words,
)
from truetpot.records.opening import Measured, Part
from truetpot.records.rungs import Communication, OperatorRow, RankRow, Rungs
from truetpot.stats import Stop, Submitted


class StepTiming(Part, frozen=True, kw_only=True):
    """Samples of a step of the measured layers, by both clocks; not extrapolated."""

    rounds: AtLeastOne | UnsetType = UNSET
    """Rounds of the race; not in `eager`."""
    submitted: Submitted
    stop: Stop
    """Which rule ended the race; empty while it goes on."""
    median_s: Finite
    """By the device's clock, as all times here that do not say `wall`."""
    ci_s: tuple[Finite, Finite]
    """95 % interval of the median."""
    cv: NotNegative
    """Standard deviation over mean."""
    wall_median_s: Finite
    """By the host's clock."""
    wall_ci_s: tuple[Finite, Finite]
    enqueue_median_s: Finite
    """Until the host had submitted it."""
    bytes: Bytes
    """That it must move."""
    samples_s: list[Finite]
    wall_samples_s: list[Finite]
    eager: StepTiming | UnsetType | None = UNSET
    """The same of a step whose kernels the host submitted, where a graph was replayed."""


class PlanRow(Part, frozen=True, kw_only=True):
    """What of the model fits."""

    sentence: str
    needed_bytes: Bytes
    free_bytes: Bytes | None
    """Null where nothing tells: everything was tried."""


class DecodeRecord(Measured, frozen=True, kw_only=True):
    """What `truetpot decode --json` writes: one point's ladder."""

    kind: Literal["decode"] = "decode"
    model: str
    format: str
    """Of weights."""
    kv_format: str
    dtype: str
    """Of activations."""
    context: Count
    """Tokens in the cache when the step starts."""
    batch: AtLeastOne
    """Sequences decoded at once."""
    page: AtLeastOne | None
    """Tokens a page of the cache; null for a contiguous one."""
    tp: AtLeastOne
    """Tensor-parallel degree."""
    rank: Count
    """Whose share it is."""
    sharded: bool
    """The share was taken because the whole does not fit."""
    device: str
    """`cpu`, `xpu:0`."""
    weights: str | None
    """Checkpoint folder; null for random weights."""
    seed: Count
    """Of random weights."""
    layers_measured: AtLeastOne
    layers_total: AtLeastOne
    extrapolation: str | None
    """The sentence `measured L of N layers, extrapolated`."""
    parameters: AtLeastOne
    """Of the whole model."""
    rungs: Rungs
    losses: dict[str, NotNegative]
    """Quotients of neighbouring rungs, by `upper/lower`."""
    share_of_ceiling: Share | None
    """The rung `ceiling` over the rung `step`."""
    operators: list[OperatorRow]
    """The longest first."""
    valid: bool
    """False: a sample was impossible, or a kernel wrong, raised, or ended the process."""
    warnings: list[str]
    """What a reader must be told, in sentences; so of each thing that the device did not tell."""
    ranks: list[RankRow]
    """Of several ranks, [tensor parallel](tensor-parallel.md): the rungs are the slowest's."""
    communication: Communication | None
    """Of several ranks."""
    step_timing: StepTiming | None
    """Null before the first round."""
    ceiling: CeilingRow | None
    providers: Words
    """By role."""
    collectives: list[CollectiveRow]
    """What the step's `all_reduce` was chosen from, for the one payload that the step has."""
    build_s: NotNegative | None
    """Seconds that making, packing or reading all parameters took; null before that."""
    plan: PlanRow
    state_after: dict[str, Any]
    """As `environment.state`, at the end."""
    peak_rss_bytes: Bytes
    """Of the process."""
    finished: bool
    """The timing ended by its own rule."""
    interrupted_during: str | None
    """The stage: `check`, `ceiling`, `weights` or `timing`."""
    query_tokens: AtLeastOne | UnsetType = UNSET
    """Of each sequence in a step that verifies a draft: its tokens and the one before them. Times
    per token are then of the step, which yields as many as are accepted."""
