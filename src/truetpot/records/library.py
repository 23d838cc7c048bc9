"""The record of ``truetpot library``: tables of measured kernels, and what is wrong with them."""

from __future__ import annotations

from typing import Literal

from truetpot.records.numbers import AtLeastOne, Bytes, Count, Finite, Rate, Ratio, Share, Words
from truetpot.records.opening import Named, Part


class BeyondRow(Part, frozen=True, kw_only=True):
    """A row whose compulsory bytes came faster than the datasheet's bandwidth."""

    shape: dict[str, Count | str]
    bytes: Bytes
    """Of weights or cache, that one call cannot do without."""
    gb_s: Rate
    may_be_cached: bool
    """Whether the card's L2 can hold them; false: the row cannot be true."""


class LaunchFloorRow(Part, frozen=True, kw_only=True):
    """Rows whose work takes less than a twentieth of their time: what a launch costs there."""

    rows: AtLeastOne
    median_us: Ratio
    low_us: Ratio
    """5th percentile."""
    high_us: Ratio
    """95th percentile."""
    scatter: Share
    """Median distance from the median, of it: these rows should be equal."""
    scatter_p90: Share


class LeftOutRow(Part, frozen=True, kw_only=True):
    """Errors of rows predicted without what was left out: predicted / measured - 1."""

    what: str
    """`row`; the same from rows with equal batch x kv_heads alone; or the axis of which a whole
    value was left out."""
    regime: str
    """The class of shapes; empty where there is one."""
    rows: AtLeastOne
    median: Share
    """Of the size of the error."""
    p90: Share
    low: Finite
    """5th percentile, with its sign."""
    high: Finite
    """95th percentile."""
    least: Finite
    most: Finite


class LibraryTable(Part, frozen=True, kw_only=True):
    """One operator in one format, from one file."""

    file: str
    op: str
    format: str
    """In the library's word."""
    stands_for: list[str]
    """Formats here."""
    device: str
    """As the file names it."""
    card: str | None
    """Of the tables of truetpot; null where it is not known, and nothing is judged."""
    stack: str
    version: str
    timing: str
    """How the times were taken."""
    axes: list[str]
    rows: AtLeastOne
    best_gb_s: Rate | None
    """Of rows that no cache can have served; null without one."""
    launch_floor: LaunchFloorRow | None
    beyond: list[BeyondRow]
    """Rows above the datasheet's bandwidth, the furthest first."""
    cross_validation: list[LeftOutRow]
    """With `--cross-validate`."""


class LibraryRecord(Named, frozen=True, kw_only=True):
    """`truetpot library --json`: times that others measured; no device is asked."""

    kind: Literal["library"] = "library"
    started: str
    """UTC."""
    command: str
    """The command that repeats it."""
    truetpot: str
    """Version."""
    tables: list[LibraryTable]
    left_out: Words
    """By file, why it or a part of it was not read."""
