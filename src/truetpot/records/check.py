"""The record of ``truetpot check``: what a serving result says, and what it is worth.

What a file says is kept as it says it, however absurd: these numbers have no ranges. A value that
is no number (NaN, an infinity) is null.
"""

from __future__ import annotations

from typing import Literal

from msgspec import field

from truetpot.records.numbers import Count
from truetpot.records.opening import Named, Part
from truetpot.records.speculation import DraftsRow, PairRow
from truetpot.records.verdicts import Counting, Metric, Severity, Verdict

Said = float | None


class ReportedRow(Part, frozen=True, kw_only=True):
    """One figure as the tool reported it."""

    value_s: Said
    key: str
    """Where in the file: `mean_tpot_ms`."""
    unit: str
    """The file's: `s`, `ms`, `us` or `ns`."""


class DefinitionRow(Part, frozen=True, kw_only=True):
    """What a tool's figure really is."""

    metric: Metric
    name: str
    """As the tool calls it."""
    canonical: str
    """The key in [metrics.md](metrics.md) whose formula this is; empty where it is none of them."""
    formula: str
    """In the tool's own quantities."""
    counting: Counting
    """Which count of output tokens it divides by."""
    ends: str
    """What the interval ends with."""
    aggregate: str
    """`per request`, `token-weighted` or `pooled over chunks`."""
    source: str
    note: str


class SummaryRow(Part, frozen=True, kw_only=True):
    """Seconds (tokens a second for `decode_throughput`) over the requests or gaps that count."""

    count: Count
    """Requests, or gaps where they are pooled."""
    mean: Said
    median: Said
    median_ci: tuple[Said, Said] | None
    """95 %, bootstrap over requests; null below eight of them."""
    trimmed_mean: Said
    """Without the lowest and the highest tenth."""
    std: Said
    min: Said
    max: Said
    percentiles: dict[str, Said]
    """`p50` to `p99.9`, interpolated linearly."""
    excluded: dict[str, Count]
    """Why and how many requests the definition leaves out."""
    from_totals: bool
    """Only sums or means were there: `mean` is the one value."""


class CountsRow(Part, frozen=True, kw_only=True):
    """Requests by what came of them; null where the file does not say."""

    requests: int | None
    ok: int | None
    failed: int | None
    no_tokens: int | None
    one_token: int | None
    short: int | None
    """Fewer output tokens than 90 % of what was asked for."""
    output_tokens: dict[Counting, int]


class TotalsRow(Part, frozen=True, kw_only=True):
    """Sums over the run as the tool wrote them; null where it did not."""

    duration_s: Said
    attempted: int | None
    completed: int | None
    failed: int | None
    input_tokens: int | None
    output_tokens: dict[Counting, int]
    requests_per_s: Said
    output_tokens_per_s: Said
    total_tokens_per_s: Said
    peak_output_tokens_per_s: Said
    mean_concurrency: Said
    """Measured by the tool, not the limit that was set."""
    low_lengths: dict[float, float] = field(default_factory=dict)
    """Output tokens by the share of requests that have no more, up to one half; 0 is the least."""
    tokens_a_message: Said = None
    """Output tokens of a streamed message after the first one, mean, as the tool counted them."""
    cached_tokens: int | None = None
    """Of ``input_tokens``, found in the server's cache."""
    idle_share: Said = None
    """Of the duration, the time in which no request was under way, at least."""


class SettingRow(Part, frozen=True, kw_only=True):
    """What the run was asked to do; null where the file does not say."""

    model: str | None
    tokenizer: str | None
    date: str | None
    request_rate: Said
    """Requests a second; null as well where all were sent at once."""
    max_concurrency: int | None
    batch: int | None
    """Sequences decoded together, where the tool drives the engine itself."""
    input_tokens: int | None
    """A request's prompt, as asked for."""
    output_tokens: int | None
    """A request's output, as asked for."""
    ignore_eos: bool | None
    streaming: bool | None
    tokens_per_step: Said
    """Mean accepted length of speculative decoding."""
    weight_format: str | None
    """As the file calls it."""
    model_bytes: int | None
    """Of the weights."""
    tool_version: str | None = None
    """As the tool writes it."""
    device: str | None = None
    """The card, as the file calls it."""
    devices: int | None = None
    """Cards that the model is spread over."""
    kv_format: str | None = None
    """Of the cache, as the file calls it."""
    depth: int | None = None
    """Tokens in the cache before the first one that was timed, where no prompt is counted."""
    tokens_per_chunk: int | None = None
    """Tokens that one streamed message holds, after the first one, which comes alone."""
    range_ratio: Said = None
    """By how much the client varies the lengths, as the tool defines it in that version."""
    input_range: tuple[int, int] | None = None
    output_range: tuple[int, int] | None = None
    """Least and most of what requests asked for, where the lengths were drawn between the two; 1
    where the file does not say the least."""


class Finding(Part, frozen=True, kw_only=True):
    """What is wrong with one run; [findings.md](findings.md) has all of them."""

    id: str
    severity: Severity
    title: str
    evidence: str
    """With the numbers of this file."""
    factor: Said
    """A reported per-token time over the true one: above 1 inflated, below 1 too short."""
    fix: str


class VisibleCount(Part, frozen=True, kw_only=True):
    """A count of visible tokens that would make the reported time per token."""

    n: int
    interval_s: float
    """From the first token to the end."""
    implied_s: float
    """Per decoded token."""
    standing: str
    """`open`, or `excluded: ...`."""
    why: str


class ServingRow(Part, frozen=True, kw_only=True):
    """The rung `serving` of one run; null for what cannot be known."""

    verdict: Verdict
    why: str
    factor: Said
    """Reported over true, where inflated."""
    batch: Said
    """Sequences decoded at once, on the average."""
    batch_from: str
    """How it was found, in words."""
    batch_range: tuple[float, float | None] | None = None
    """Least and most that it can be; null where nothing bounds it from above."""
    context: Said
    context_from: str
    over_floor: Said
    over_step: Said
    """The loss `serving/step`."""
    reported_ms: Said
    """What is judged: the mean time per token without the first one, where it can be had."""
    floor_ms: Said
    """At that batch and context, per token of a sequence."""
    step_ms: Said
    """The measured step, likewise."""
    reported_from: str | None = None
    """`as reported`, or how it was recomputed."""


class CheckedRun(Part, frozen=True, kw_only=True):
    """One run of the file."""

    tool: str
    variant: str
    """Which of the tool's formats or ages."""
    place: str
    """Where in the file, if it has several."""
    reported: dict[Metric, dict[str, ReportedRow]]
    """By metric and statistic."""
    definitions: dict[Metric, DefinitionRow]
    """Of the tool's metrics."""
    recomputed: dict[str, dict[str, SummaryRow]]
    """By key of [metrics.md](metrics.md), then by the count divided by, `any` where none is."""
    counts: CountsRow
    totals: TotalsRow
    setting: SettingRow
    findings: list[Finding]
    """The weightiest first."""
    visible_counts: list[VisibleCount]
    """Which counts of visible tokens could explain the figure, where that was found."""
    notes: list[str]
    """What the reader had to decide."""
    verdict: Verdict
    serving: ServingRow
    file: str | None = None
    """Where the run lies."""
    yardstick: str | None = None
    """What the figures are held against."""
    yardstick_from: list[str] = field(default_factory=list)
    """Sentences on what it was made of, or what it lacks: model, card, formats."""
    drafts: DraftsRow | None = None
    """Of speculative decoding, where the file has them."""


class SlopeRow(Part, frozen=True, kw_only=True):
    """How the time per token of a series of runs grows, by least squares."""

    series: str
    """What its runs have in common: tool, model, format, card."""
    over: Literal["depth", "batch"]
    runs: int
    least: float
    """Context, or batch, where the series begins."""
    most: float
    ms_per_step: float
    """For each 1,000 tokens of context, or for each sequence of the batch."""
    ms_at_zero: float
    floor_ms_per_step: Said
    """The same of the floor."""


class CheckRecord(Named, frozen=True, kw_only=True):
    """`truetpot check --json`. What stands beside `runs` is of the run with the worst verdict."""

    kind: Literal["check"] = "check"
    command: str
    """The command that repeats it."""
    file: str
    yardstick: str | None
    """What the figures are held against."""
    tool: str
    variant: str
    place: str
    reported: dict[Metric, dict[str, ReportedRow]]
    definitions: dict[Metric, DefinitionRow]
    recomputed: dict[str, dict[str, SummaryRow]]
    counts: CountsRow
    totals: TotalsRow
    setting: SettingRow
    findings: list[Finding]
    visible_counts: list[VisibleCount]
    notes: list[str]
    verdict: Verdict
    serving: ServingRow
    runs: list[CheckedRun]
    yardstick_from: list[str] = field(default_factory=list)
    """Sentences on what it was made of, or what it lacks: model, card, formats."""
    slopes: list[SlopeRow] = field(default_factory=list)
    """Of the runs that form a series."""
    drafts: DraftsRow | None = None
    pairs: list[PairRow] = field(default_factory=list)
    """Runs with speculative decoding beside the same ones without."""

    @classmethod
    def of(
        cls,
        runs: list[CheckedRun],
        command: str,
        file: str,
        slopes: list[SlopeRow],
        pairs: list[PairRow],
    ) -> CheckRecord:
        """The record of runs; ``file`` is what was given, and stands for that of each run."""
        worst = min(runs, key=lambda run: run.verdict.rank)
        names = {*CheckedRun.__struct_fields__} - {"file"}
        fields = {name: getattr(worst, name) for name in names}
        return cls(command=command, file=file, **fields, runs=runs, slopes=slopes, pairs=pairs)
