"""The record of ``truetpot predict``: a step made of kernels that others measured."""

from __future__ import annotations

from typing import Literal

from truetpot.records.numbers import AtLeastOne, Bytes, Count, Milliseconds, NotNegative, Rate
from truetpot.records.opening import Named, Part


class PredictedTerm(Part, frozen=True, kw_only=True):
    """One operator of the step; times of all its calls, ms a step."""

    role: str
    op: str
    format: str
    count: AtLeastOne
    """Calls a step."""
    shape: dict[str, Count]
    """In the axes of the library's table; empty where no table can have it."""
    bytes: Bytes
    """That one call reads and writes."""
    predicted_ms: NotNegative | None
    """Null where the library lacks it: there is only an interval."""
    low_ms: NotNegative
    high_ms: NotNegative
    how: str
    """A measured row, the axes it lies between, or why there is only an interval."""
    source: str | None
    """File, stack and version."""


class PredictedStep(Part, frozen=True, kw_only=True):
    """One batch. The interval is the sum of the terms' ends: their errors need not cancel."""

    batch: AtLeastOne
    predicted_low_ms: Milliseconds
    predicted_high_ms: Milliseconds
    borrowed_ms: NotNegative
    """Sum of the terms that the library has; no prediction of the step."""
    spec_ms: Milliseconds
    """The floor of the same step."""
    terms: list[PredictedTerm]


class PredictRecord(Named, frozen=True, kw_only=True):
    """`truetpot predict --json`: borrowed, never measured; no other record reads it as a time."""

    kind: Literal["predict"] = "predict"
    started: str
    """UTC."""
    command: str
    """The command that repeats it."""
    truetpot: str
    """Version."""
    rung: Literal["borrowed"] = "borrowed"
    model: str
    device: str
    """A card of the tables."""
    tp: AtLeastOne
    format: str
    kv_format: str
    dtype: str
    context: Count
    library: str
    bandwidth_gb_s: Rate
    """The best of the library's rows that no cache served: for the least time of what it lacks."""
    launch_us: NotNegative
    """The most that a launch of what it lacks takes."""
    steps: list[PredictedStep]
    notes: list[str]
