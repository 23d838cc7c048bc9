"""The record of ``truetpot launch``: one kernel that was run alone, for a profiler to look at."""

from __future__ import annotations

from typing import Any, Literal

from truetpot.records.numbers import AtLeastOne, Config, Count
from truetpot.records.opening import Measured, Part
from truetpot.records.words import Cache, Origin


class LaunchRow(Part, frozen=True, kw_only=True):
    """One launch of a call, as far as its provider tells; null is what it does not."""

    entry_point: str | None = None
    """As a profiler names it."""
    global_size: list[Count] | None = None
    """Work-items or threads in each dimension."""
    local_size: list[Count] | None = None
    """Of a work-group or block."""
    options: list[str] | None = None
    """What the compiler was given."""
    binary: str | None = None
    """The file that it lies in."""
    note: str = ""
    """What is to be known of it."""


class LaunchRecord(Measured, frozen=True, kw_only=True):
    """`truetpot launch --json`. Nothing was timed or checked."""

    kind: Literal["launch"] = "launch"
    model: str | None
    """Null with `--shape`."""
    device: str
    op: str
    case: str
    roles: list[str]
    """Of the case in the decode step."""
    provider: str
    config: Config
    """Launch parameters, all of them."""
    origin: Origin
    """Where they come from."""
    origin_case: str | None
    """The case whose entry it is, where `origin` is `nearest`."""
    calls: AtLeastOne
    copies: AtLeastOne
    """Of the inputs, through which the calls go."""
    cache: Cache
    """Where the inputs come from after the first call."""
    launches: list[LaunchRow]
    """Of the first call; empty where the provider tells nothing."""
    state_after: dict[str, Any]
    """As `environment.state`, at the end."""
