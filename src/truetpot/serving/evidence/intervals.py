"""From the first token of a request to its last: times, messages, and rates over the run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from truetpot.serving.evidence.counts import BY_TRUST
from truetpot.serving.evidence.figures import AFTER_FIRST, LARGEST, SMALLEST, positive
from truetpot.serving.evidence.tokens import Tokens
from truetpot.serving.metrics.pooled import request_sums
from truetpot.serving.records import Counting, Floats, Ints, Metric
from truetpot.serving.thresholds import limit


@dataclass(frozen=True, eq=False, kw_only=True)
class Intervals(Tokens):
    """Times between two events, in seconds; None for what cannot be known."""

    @property
    def decode_s(self) -> float | None:
        """Mean time from the first token to the end, by clocks: not from TPOT, not from gaps."""
        requests, rows = self.run.requests, self.timed
        if requests is not None and rows is not None and not requests.latency_from_gaps:
            return positive(float((requests.latency_s - requests.ttft_s)[rows].mean()))
        latency, ttft = self.figure(Metric.E2E), self.figure(Metric.TTFT)
        if latency and ttft and (requests is None or not requests.latency_from_gaps):
            return positive(latency - ttft)
        return None

    @cached_property
    def timed(self) -> NDArray[np.bool_] | None:
        """Rows with a TPOT: successful, two tokens or more, sane times [requests]."""
        requests = self.run.requests
        if requests is None:
            return None
        spans, rows = requests.latency_s - requests.ttft_s, requests.ok & (requests.tokens > 1)
        rows &= (requests.ttft_s >= 0) & (spans > SMALLEST) & (spans < LARGEST)
        if self.gap_sums is not None:
            rows &= (self.gap_sums >= 0) & (self.gap_sums < LARGEST)
        return rows if rows.any() else None

    @cached_property
    def gap_sums(self) -> Floats | None:
        """Seconds from the first chunk to the last of each request, 0 with one [requests]."""
        requests = self.run.requests
        return request_sums(requests.gaps) if requests and requests.gaps else None

    @property
    def divided_by(self) -> float | None:
        """Mean output tokens, as the tool counts, of the requests that have a TPOT: two or more.

        Of a file without any count, as the tool's own mean times have it.
        """
        if (counts := self.counts()) is not None:
            several = counts[counts > 1]
            return float(several.mean()) if several.size else None
        if mean := self.tokens():
            return mean if mean > 1 else None
        tpot, decode_s = self.figure(self.per_token), self.decode_s
        if self.run.totals.output_tokens or self.canonical(self.per_token) not in AFTER_FIRST:
            return None
        return 1 + decode_s / tpot if tpot and decode_s else None

    @property
    def messages(self) -> Ints | None:
        """Streamed messages of each request [requests], by its gaps or by the tool's own count."""
        requests = self.run.requests
        if requests is None:
            return None
        if requests.gaps is not None:
            return requests.gaps.counts() + 1
        return requests.output_tokens.get(Counting.CHUNKS)

    @property
    def all_messages(self) -> Ints | None:
        """The same with those in between that had no text, where the file knows them."""
        requests, messages = self.run.requests, self.messages
        if messages is None or requests is None or requests.silent is None:
            return messages
        return np.where(requests.silent >= 0, messages + requests.silent, messages)

    @property
    def chunks(self) -> float | None:
        """Their mean, of the requests with a time per token."""
        messages, timed = self.messages, self.timed
        if messages is None or timed is None:
            return None
        known = messages[timed & (messages > 0)]
        return float(known.mean()) if known.size else None

    @property
    def trusted_counts(self) -> Ints | None:
        """Output tokens of each request [requests], by the most trusted count in the rows."""
        return next((x for way in BY_TRUST if (x := self.column(way)) is not None), None)

    @property
    def spans(self) -> Floats | None:
        """First message to last of each request [requests]: by gaps, else by clocks."""
        requests = self.run.requests
        if requests is None or self.gap_sums is not None:
            return self.gap_sums
        return None if requests.latency_from_gaps else requests.latency_s - requests.ttft_s

    @property
    def decode_interval(self) -> float | None:
        """Mean time from the first message to the last: by gaps, else by clocks."""
        if self.gap_sums is not None and self.timed is not None:
            return positive(float(self.gap_sums[self.timed].mean()))
        return self.decode_s

    # Over the run

    @property
    def admitted(self) -> int | None:
        """Requests in flight at most, by the limit that was set."""
        most = self.run.setting.max_concurrency
        return most if most and most > 0 else None

    @property
    def closed(self) -> bool:
        """Whether no request waits for a moment to come: all at once, or one as another ends."""
        return (positive(self.run.setting.request_rate) or math.inf) == math.inf

    @property
    def output_rate(self) -> float | None:
        """Output tokens a second over the run: total over duration, else as reported."""
        n = self.counted_tokens
        if n and self.completed and self.duration_s:
            return n * self.completed / self.duration_s
        return positive(self.run.totals.output_tokens_per_s)

    @property
    def request_rate(self) -> float | None:
        """Completed requests a second: by counts and duration, else as reported.

        As reported too where the two agree: of a short run, a duration of two decimals says less.
        """
        reported = positive(self.run.totals.requests_per_s)
        if not self.completed or not self.duration_s:
            return reported
        off = limit("rounding_s")
        least, most = (self.completed / max(SMALLEST, self.duration_s + x) for x in (off, -off))
        within = reported is not None and least <= reported <= most
        return reported if within else self.completed / self.duration_s
