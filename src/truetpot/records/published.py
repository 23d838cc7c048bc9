"""The record of ``truetpot floor --published``: other people's figures beside their floors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from truetpot.facts.published import Comparison
from truetpot.records.numbers import AtLeastOne, Count, Milliseconds, Ratio
from truetpot.records.opening import SCHEMA_VERSION, Part, Version


class PublishedRow(Part, frozen=True, kw_only=True):
    """One published figure beside its floor."""

    id: str
    url: str
    date: str | None
    device: str
    """A card of the tables."""
    cards: AtLeastOne
    parallel: str
    """`tensor`: the cards read at once; `layers`: one after the other."""
    model: str | None
    format: str | None
    context: Count
    batch: AtLeastOne
    reported: str
    """In the source's words."""
    ms_per_token: Milliseconds
    floor_ms: Milliseconds | None
    ratio: Ratio | None
    """`ms_per_token` over `floor_ms`."""
    comparable: bool
    reason: str | None
    """Why it is not comparable."""
    impossible: bool
    """It is comparable and lies below its floor."""


class PublishedRecord(Part, frozen=True, kw_only=True):
    """What `truetpot floor --published --json` writes: published figures beside their floors."""

    kind: Literal["published"] = "published"
    command: str
    """The command that repeats it."""
    schema_version: Version = SCHEMA_VERSION
    rung: Literal["spec"] = "spec"
    figures: list[PublishedRow]

    @classmethod
    def of(cls, found: Iterable[Comparison], command: str) -> PublishedRecord:
        """The record of all comparisons."""
        return cls(command=command, figures=[_row(one) for one in found])


def _row(one: Comparison) -> PublishedRow:
    entry = one.entry
    return PublishedRow(
        id=entry.id,
        url=entry.url,
        date=entry.date,
        device=entry.hardware,
        cards=entry.cards,
        parallel=entry.parallel,
        model=entry.model,
        format=entry.format,
        context=entry.context,
        batch=entry.batch,
        reported=entry.reported,
        ms_per_token=entry.ms_per_token,
        floor_ms=one.floor_ms,
        ratio=one.ratio,
        comparable=entry.comparable,
        reason=entry.reason,
        impossible=one.impossible,
    )
