"""A sample described: what :func:`truetpot.serving.metrics.recompute` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from truetpot.serving.records import Counting

PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)


@dataclass(frozen=True)
class Summary:
    """Seconds (tokens a second for ``decode_throughput``) over the requests or gaps that count."""

    count: int
    """Requests, or gaps where they are pooled."""
    mean: float
    median: float
    median_ci: tuple[float, float] | None
    """95 %, bootstrap over requests; None below eight of them."""
    trimmed_mean: float
    """Without the lowest and the highest tenth."""
    std: float
    min: float
    max: float
    percentiles: Mapping[float, float]
    """By :data:`PERCENTILES`, interpolated linearly."""
    excluded: Mapping[str, int] = field(default_factory=dict)
    """Why and how many requests the definition leaves out: ``failed``, ``no count``,
    ``no tokens``, ``one token``, ``no time``."""
    from_totals: bool = False
    """True where only sums or means were there: mean is then the one value, the rest NaN."""


@dataclass(frozen=True)
class Counts:
    """Requests of a run by what came of them; None where the file does not say."""

    requests: int | None
    ok: int | None
    failed: int | None
    no_tokens: int | None
    one_token: int | None
    short: int | None
    """Fewer output tokens than 90 % of what was asked for (MLPerf's rule)."""
    output_tokens: Mapping[Counting, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Recomputed:
    """Per-token time by every definition that the data allow."""

    summaries: Mapping[str, Mapping[Counting | None, Summary]]
    """By key of ``definitions.toml``, then by the count divided by (None where none is)."""
    counts: Counts

    def find(self, definition: str, counting: Counting | None = None) -> Summary | None:
        """The summary by that count, None where the data do not allow it."""
        return self.summaries.get(definition, {}).get(counting)
