"""What ``truetpot check`` says of speculative decoding: its drafts, and a run with it beside one
without."""

from __future__ import annotations

from msgspec import field

from truetpot.records.opening import Part


class DraftsRow(Part, frozen=True, kw_only=True):
    """Draft tokens of one run, as the tool counted them; null where it did not."""

    key: str
    """Where in the file."""
    steps: int | None
    """Those that verified a draft."""
    drafted: int | None
    accepted: int | None
    rate: float | None
    """Accepted of the drafted ones, 0 to 1."""
    by_position: list[float]
    """Share of these steps that accepted the draft token at each position, the first first."""


class DifferenceRow(Part, frozen=True, kw_only=True):
    """What the two files say otherwise, beside speculation."""

    what: str
    with_it: str
    """What the run with speculation says."""
    without: str
    decides: bool
    """Whether it forbids the comparison: another model, card or weight format."""


class PairPoint(Part, frozen=True, kw_only=True):
    """Two runs at one context and batch."""

    file: str
    """Of the run with speculation."""
    place: str
    file_without: str
    place_without: str
    context: float
    """Of the run with speculation."""
    context_without: float
    batch: float | None
    """Of the run with speculation; null where its file does not tell."""
    with_ms: float
    """Per token."""
    without_ms: float
    """Per token, which is per step."""
    gain: float | None
    """`without_ms` over `with_ms`, above 1 where speculation is faster; null where the two cannot
    be compared."""
    tokens_per_step: float | None
    """Of the run with speculation; null where nothing in its file tells."""
    tokens_from: str
    step_ms: float | None
    """Of a step with speculation: `with_ms` times `tokens_per_step`."""
    step_over_plain: float | None
    """`step_ms` over `without_ms`: speculation pays where it is below `tokens_per_step`."""
    floor_ms: float | None
    """Of a step of any number of tokens: the weights once and the cache once, without operations
    and without a drafter."""
    wrong: str = ""
    """Why one of the two figures is none, if so."""


class PairRow(Part, frozen=True, kw_only=True):
    """Runs with speculative decoding beside the same ones without, at each context of both."""

    series: str
    """What its runs have in common: tool, model, format, card."""
    comparable: bool
    differs: list[DifferenceRow]
    points: list[PairPoint]
    """By context."""
    crossings: list[float]
    """Contexts at which both take the same time per token, by straight lines between points."""
    says: list[str]
    """What follows, in sentences, the weightiest first."""
    left_out: list[str] = field(default_factory=list)
    """Runs that have no run of the other arm at their context and batch."""
