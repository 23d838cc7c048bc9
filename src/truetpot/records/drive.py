"""The record of ``truetpot drive``: a live server, what it obeys, and a row a point."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import field

from truetpot.records.numbers import AtLeastOne, Count, Finite, NotNegative, Words
from truetpot.records.opening import Named, Part
from truetpot.records.verdicts import Verdict
from truetpot.records.words import PointStatus
from truetpot.stats.compare import Comparison


class Weight(StrEnum):
    """What a canary means for the timing."""

    STOP = "stop"
    """Nothing is timed without `--anyway`."""
    WARNING = "warning"
    NOTE = "note"
    """It is no fault."""


class CanaryRow(Part, frozen=True, kw_only=True):
    """One property of the server that single requests showed."""

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


class ArmRow(Part, frozen=True, kw_only=True):
    """One of several servers that are driven in alternation."""

    name: str
    restart: str = ""
    """The command that was run before its points."""
    server: ServerRow
    canaries: list[CanaryRow]
    tokens_a_chunk: Finite | None
    prefix_cache: bool | None
    first_chunk_is_token: bool | None
    output_hashes: list[str]
    differs_at: Count | None = None
    """The first character where the text of a greedy request is another than the first arm's."""


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
    """Whether they are farther apart, or the stub itself was as slow as the point."""


class DrivePoint(Part, frozen=True, kw_only=True):
    """One concurrency. Times are of the requests that were measured; null is what is not known."""

    arm: str | None = None
    """Its name; null for one server."""
    input_tokens: AtLeastOne | None = None
    """Of each prompt; null in records from before there were several."""
    round: Count | None = None
    """Of several, from 0 on."""
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
    server_ms: Finite | None = None
    """Per token, by the growth of the server's own counters, the warm-up included."""
    tokens_per_s: Finite | None = None
    """Output tokens of all requests, from the first one's start to the last one's end."""
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
    server_cpu_s: NotNegative | None = None
    """Processor time of the server and its children over the same time, where it runs here."""
    joules: dict[str, NotNegative] = field(default_factory=dict)
    """Energy over the same time, by what counted it, where the server runs here."""
    tokens_per_joule: dict[str, NotNegative] = field(default_factory=dict)
    """Output tokens, those of the warm-up included, over that energy; the load generator's start
    is in it, so that it is too low."""
    calibration: CalibrationRow | None = None


class SeriesRow(Part, frozen=True, kw_only=True):
    """How the time per token grows: a line by least squares through points that differ in one
    thing, beside the same line through the ladder's step and floor at these points."""

    arm: str | None = None
    over: Literal["depth", "concurrency"]
    at: AtLeastOne
    """The concurrency of a series over depth, the tokens of the prompts of one over concurrency."""
    points: AtLeastOne
    least: Finite
    most: Finite
    """Ends of the range, in tokens of context or in sequences decoded at once."""
    base_ms: Finite
    """Where the line meets nothing."""
    slope_ms: Finite
    """Per 1,000 tokens of context, or per sequence."""
    residual: NotNegative | None
    """The largest share by which a point is off the line; null for two points, which have none."""
    step_base_ms: Finite | None = None
    step_slope_ms: Finite | None = None
    floor_base_ms: Finite | None = None
    floor_slope_ms: Finite | None = None
    ratios: list[Finite] = field(default_factory=list)
    """Time per token over the ladder's step, point by point, the lowest first."""
    parts_at: AtLeastOne | None = None
    """The first concurrency from which on that ratio is a tenth and more above that of the lowest:
    there the scheduler begins. Null where it is at none."""


class DifferenceRow(Part, frozen=True, kw_only=True):
    """Two arms at one point, round by round."""

    arm: str
    against: str
    input_tokens: AtLeastOne
    concurrency: AtLeastOne
    rounds: AtLeastOne
    token_ms: Finite
    against_ms: Finite
    ratio: Finite
    """Of the times per token: geometric mean over the rounds."""
    low: Finite | None = None
    high: Finite | None = None
    """Its 95 % interval by Student; null for one round."""
    says: Comparison | None = None
    """What the interval establishes; 1 % and less is the same."""


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
    """Of each prompt, by the tokenizer; the chat template comes on top. Of several the first."""
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
    arms: list[ArmRow] = field(default_factory=list)
    """Servers in alternation, the first one among them; empty for one."""
    series: list[SeriesRow] = field(default_factory=list)
    differences: list[DifferenceRow] = field(default_factory=list)
