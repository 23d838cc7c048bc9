"""What a run's single requests say, by every definition that needs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import nan

import numpy as np
from numpy.typing import NDArray

from truetpot.serving.metrics.counts import known
from truetpot.serving.metrics.definitions import definitions
from truetpot.serving.metrics.describe import describe
from truetpot.serving.metrics.pooled import describe_gaps, request_sums
from truetpot.serving.metrics.summary import PERCENTILES, Summary
from truetpot.serving.records import Counting, Floats, Ints, Requests

Found = tuple[str, Counting | None, Summary]
"""Key of a definition, the count divided by, and the summary."""


def from_rows(rows: Requests, duration_s: float | None) -> Iterator[Found]:
    """Every summary that single requests give; `duration_s` is the tool's, for the throughput."""
    for key, counting, values, weights in _samples(rows):
        chosen, excluded = _choose(rows, key, counting, values)
        if chosen.any():
            weight = None if weights is None else weights[chosen]
            yield key, counting, replace(describe(values[chosen], weight), excluded=excluded)
    yield from _pooled(rows)
    for counting, tokens in rows.output_tokens.items():
        yield from _throughputs(rows, counting, tokens, duration_s)


def _samples(rows: Requests) -> Iterator[tuple[str, Counting | None, Floats, Ints | None]]:
    """One value a request [requests], NaN where there is none, and its weight."""
    yield "ttft", None, rows.ttft_s, None
    yield "e2e", None, rows.latency_s, None
    if rows.queue_s is not None:
        yield "queue", None, rows.queue_s, None
    decode = rows.latency_s - rows.ttft_s
    gaps = None
    if rows.gaps is not None:
        gaps = np.where(rows.gaps.counts() > 0, request_sums(rows.gaps), nan)
    for counting, n in rows.output_tokens.items():
        steps, with_first = decode / (n - 1), rows.latency_s / n
        spread = None if gaps is None else gaps / (n - 1)
        yield "tpot_per_request", counting, steps, None
        yield "tpot_token_weighted", counting, steps, n - 1
        if spread is not None and not _gaps_of_tokens(rows, counting):
            yield "itl_per_token", counting, spread, n - 1
        yield "e2e_per_token", counting, with_first, None
        yield "tpot_with_first", counting, with_first, n


def _gaps_of_tokens(rows: Requests, counting: Counting) -> bool:
    """Whether the file has the gap of each single token by this count, which says more."""
    return rows.gap_unit_is_token and counting is rows.counting


def _pooled(rows: Requests) -> Iterator[Found]:
    """ITL: of chunks, or of tokens where the tool wrote a gap for each of them."""
    if rows.gaps is None:
        return
    key, counting = "itl_per_chunk", None
    if rows.gap_unit_is_token:
        key, counting = "itl_per_token", rows.counting
    some = np.where(rows.gaps.numbers() > 0, 0.0, nan)
    chosen, excluded = _choose(rows, key, counting, some)
    if summary := describe_gaps(rows.gaps, chosen):
        yield key, counting, replace(summary, excluded=excluded)


def _throughputs(
    rows: Requests, counting: Counting, tokens: Ints, duration_s: float | None
) -> Iterator[Found]:
    """Tokens a second. None where a request has no count: the rest is not the run's output."""
    begin = np.full(len(rows), nan) if rows.start_s is None else rows.start_s
    end = begin + rows.latency_s
    for key in ("decode_throughput", "window_throughput"):
        chosen, excluded = _choose(rows, key, counting, end)
        if not chosen.any() or "no count" in excluded:
            continue
        window = float(end[chosen].max() - begin[chosen].min())
        seconds = duration_s if key == "decode_throughput" else window
        if seconds is not None and seconds > 0:
            mean = int(tokens[chosen].sum()) / seconds
            yield key, counting, only_mean(mean, int(chosen.sum()), excluded)


def _choose(
    rows: Requests, key: str, counting: Counting | None, values: Floats
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Which requests count by the definition's own rule [requests], and why others do not."""
    chosen, excluded = np.ones(len(rows), np.bool_), dict[str, int]()
    tokens = np.empty(0, np.int64) if counting is None else rows.output_tokens[counting]
    for reason in definitions()[key].leaves_out:
        if reason == "failed":
            out = ~rows.ok
        elif reason == "no time":
            out = np.isnan(values)
        elif reason == "no count":
            out = ~known(tokens)
        else:
            out = tokens == {"no tokens": 0, "one token": 1}[reason]
        if count := int(np.sum(chosen & out)):
            excluded[reason] = count
        chosen &= ~out
    return chosen, excluded


def only_mean(mean: float, count: int, excluded: dict[str, int] | None = None) -> Summary:
    """A summary of which nothing but the mean is known."""
    return Summary(
        count=count,
        mean=mean,
        median=nan,
        median_ci=None,
        trimmed_mean=nan,
        std=nan,
        min=nan,
        max=nan,
        percentiles=dict.fromkeys(PERCENTILES, nan),
        excluded=excluded or {},
        from_totals=True,
    )
