"""What follows from a run's totals and means alone. Arithmetic; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import NamedTuple

import numpy as np

from truetpot.serving.metrics.describe import fsum
from truetpot.serving.metrics.rows import Found, only_mean
from truetpot.serving.records import Metric, Run


class _Sums(NamedTuple):
    """Over the completed requests, in seconds."""

    completed: int
    latency: float
    ttft: float


def from_totals(run: Run) -> Iterator[Found]:
    """Means by each count of output tokens that the run has a total of.

    Per-token times are exact if every completed request has two tokens or more, which totals do not
    show. Of a single request the mean over tokens is the mean over requests too.
    """
    sums = _row_sums(run) or _mean_sums(run)
    duration = run.totals.duration_s
    for counting, tokens in run.totals.output_tokens.items():
        completed = run.totals.completed if sums is None else sums.completed
        if duration and duration > 0:
            yield "decode_throughput", counting, only_mean(tokens / duration, completed or 0)
        if sums is None or tokens <= 0:
            continue
        with_first = only_mean(sums.latency / tokens, sums.completed)
        yield "tpot_with_first", counting, with_first
        if sums.completed == 1:
            yield "e2e_per_token", counting, with_first
        if tokens > sums.completed:
            steps = (sums.latency - sums.ttft) / (tokens - sums.completed)
            yield "tpot_token_weighted", counting, only_mean(steps, sums.completed)
            if sums.completed == 1:
                yield "tpot_per_request", counting, only_mean(steps, 1)


def _row_sums(run: Run) -> _Sums | None:
    """From single requests, if all that did not fail have both times."""
    rows = run.requests
    if rows is None or not rows.ok.any():
        return None
    latency, ttft = rows.latency_s[rows.ok], rows.ttft_s[rows.ok]
    if not np.isfinite(latency + ttft).all():
        return None
    return _Sums(len(latency), fsum(latency), fsum(ttft))


def _mean_sums(run: Run) -> _Sums | None:
    """From reported means, if they are what the canonical definitions mean by these names."""
    completed = run.totals.completed
    means = [_mean(run, Metric.E2E, "e2e"), _mean(run, Metric.TTFT, "ttft")]
    if not completed or None in means:
        return None
    return _Sums(completed, *(completed * mean for mean in means if mean is not None))


def _mean(run: Run, metric: Metric, canonical: str) -> float | None:
    definition, value = run.definitions.get(metric), run.figure(metric, "mean")
    if definition is None or definition.canonical != canonical:
        return None
    return value if value is not None and isfinite(value) else None
