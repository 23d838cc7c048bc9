"""The record of ``truetpot drive``: a live server, what it obeys, and a row a point."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import field

from truetpot.records.numbers import AtLeastOne, Count, Finite, NotNegative, Words
from truetpot.records.opening import Named, Part
from truetpot.records.verdicts import Verdict
from truetpot.records.words import PointStatus


class Weight(StrEnum):
    """What a canary means for the timing."""

    STOP = "stop"
    """Nothing is timed without `--anyway`."""
    WARNING = "warning"
    NOTE = "note"
    """It is no fault."""


class CanaryRow(Part, frozen=True, kw_only=True):
    """One thing that single requests showed."""

    weight: Weight
    what: str
    evidence: str


class ServerRow(Part, frozen=True, kw_only=True):
    """The server, by what it tells; empty and null are what it does not."""

    url: str
    name: str
    version: str
    model: str
    max_tokens: int | None
    """Of a prompt and its output together."""
    metrics: dict[str, float]
    """Of /metrics, before the run: summed over labels, without buckets."""


class CalibrationRow(Part, frozen=True, kw_only=True):
    """The same client, at as many streams, against a stub that streams at a known pace."""

    asked_ms: NotNegative
    """Half of what the point measured: a client that follows this one followed that one."""
    sent_ms: NotNegative
    """Per token, as the stub really sent."""
    seen_ms: NotNegative
    """Per token, as the client tells it."""
    limit: NotNegative
    """How far the two may be apart, as a share."""
    late: bool
    """Whether they are farther apart."""


class DrivePoint(Part, frozen=True, kw_only=True):
    """One concurrency. Times are of the requests that were measured; null is what is not known."""

    concurrency: AtLeastOne
    status: PointStatus
    reason: str = ""
    """Of a status other than `ok`."""
    file: str = ""
    """What the load generator wrote of each request, in the record's folder."""
    requests: Count = 0
    ttft_ms: Finite | None = None
    """Median."""
    token_ms: Finite | None = None
    """Mean time per token without the first one."""
    token_from: str = ""
    """How it was found."""
    tokens_a_step: Finite | None = None
    batch: Finite | None = None
    """Sequences decoded at once, by the requests' own starts and ends."""
    context: Finite | None = None
    floor_ms: Finite | None = None
    """Of the ladder, at that batch and context; so are the next three."""
    ceiling_ms: Finite | None = None
    kernels_ms: Finite | None = None
    step_ms: Finite | None = None
    verdict: Verdict | None = None
    why: str = ""
    findings: list[str] = field(default_factory=list)
    """What `check` finds in the file, the weightiest first."""
    client_cpu_s: NotNegative | None = None
    """Processor time of the load generator, its start included."""
    wall_s: NotNegative | None = None
    """Of the load generator, its start included."""
    calibration: CalibrationRow | None = None


class DriveRecord(Named, frozen=True, kw_only=True):
    """`truetpot drive --json`: a serving run on a live server. It holds no prompt, text or key."""

    kind: Literal["drive"] = "drive"
    started: str
    """UTC."""
    command: str
    """The command that repeats the run."""
    partial: bool
    """True after an interrupt or a failure: it is what was measured."""
    folder: str
    """Where the files of each point lie."""
    server: ServerRow
    engine: str
    engine_version: str
    endpoint: str
    """`completions` or `chat`."""
    input_tokens: AtLeastOne
    """Of each prompt, by the tokenizer; the chat template comes on top."""
    output_tokens: AtLeastOne
    """Of each request."""
    tokenizer: str
    setup: Words
    """What has to be the same for `--resume` to go on."""
    canaries: list[CanaryRow]
    tokens_a_chunk: Finite | None
    prefix_cache: bool | None
    """Whether a repeated prompt was found in the server's cache; null where it does not tell."""
    first_chunk_is_token: bool | None
    output_hashes: list[str]
    """SHA-256 of the text of a greedy request, sent alone and repeated."""
    anyway: list[str] = field(default_factory=list)
    """What would have stopped the timing and did not, by `--anyway`."""
    yardstick: str | None = None
    """What the points are held against."""
    points: list[DrivePoint]
