"""What a serving result says of itself, in a record as the file says it, however absurd."""

from __future__ import annotations

from msgspec import field

from truetpot.records.numbers import Count
from truetpot.records.opening import Part
from truetpot.records.verdicts import Counting, Metric

Said = float | None
"""As the file says it; a value that is no number (NaN, an infinity) is null."""


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
