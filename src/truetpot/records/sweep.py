"""The record of ``truetpot decode`` over several contexts or batches, on one set of weights."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from truetpot.records.decode import DecodeRecord
from truetpot.records.numbers import AtLeastOne, Count, Finite, NotNegative, Words
from truetpot.records.opening import Measured, Part
from truetpot.records.words import PointStatus


class SweepPoint(Part, frozen=True, kw_only=True):
    """One context at one batch."""

    context: Count
    batch: AtLeastOne
    status: PointStatus
    reason: str
    """Of a status other than `ok`."""
    record: DecodeRecord | None
    """The whole record of its ladder; null where nothing was measured."""


class RequestRow(Part, frozen=True, kw_only=True):
    """The request that means are over: the first token comes out of the prefill."""

    prompt: Count
    output: Annotated[int, Meta(ge=2, le=1 << 62)]


class FitRow(Part, frozen=True, kw_only=True):
    """One rung at one batch, `base_ms` + `us_per_token` x context / 1000, over its `ok` points."""

    batch: AtLeastOne
    rung: str
    base_ms: Finite
    us_per_token: Finite
    """More time a step for one more token in the cache of each sequence."""
    contexts: list[Count]
    """That it is fitted to; with two of them the line goes through both."""
    residuals: list[Finite]
    """Time less the line, over the time, by context."""
    mean_ms: Finite | None
    """Over the steps of the request, of several query tokens ms a step; null without one."""
    extrapolated: bool
    """Whether the request goes beyond the contexts."""


class SweepRecord(Measured, frozen=True, kw_only=True):
    """`truetpot decode --json` where `--context` or `--batch` name several."""

    kind: Literal["sweep"] = "sweep"
    model: str
    format: str
    """Of weights."""
    kv_format: str
    dtype: str
    """Of activations."""
    tp: AtLeastOne
    device: str
    setup: Words
    """What has to be the same for `--resume` to go on: model, weights, versions, device."""
    request: RequestRow | None
    points: list[SweepPoint]
    """In the order in which they are run: batch by batch."""
    fits: list[FitRow]
    weights_made: Count
    """Parameters that were made and packed in this process."""
    weights_shared: Count
    """Times that a point took a parameter over from the one before."""
    build_s: NotNegative
    """Seconds spent on parameters and caches, over all points of this process."""
    valid: bool
    """False where a point is not."""
    warnings: list[str]
    query_tokens: AtLeastOne | UnsetType = UNSET
    """Of each sequence, in every point's step, where it verifies a draft."""
