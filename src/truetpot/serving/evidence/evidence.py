"""A run, what was recomputed from it, and the quantities that follow, each in one place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from truetpot.serving.evidence.batch import decode_batch
from truetpot.serving.evidence.counts import BY_TRUST
from truetpot.serving.evidence.known import Known
from truetpot.serving.evidence.lengths import mean_context, output_length, prompt_length
from truetpot.serving.evidence.messages import Messages, stream
from truetpot.serving.metrics.pooled import request_sums
from truetpot.serving.metrics.summary import Recomputed, Summary
from truetpot.serving.records import Counting, Floats, Ints, Metric, Run
from truetpot.serving.yardstick import Yardstick

AFTER_FIRST = ("tpot_per_request", "tpot_token_weighted")
"""Definitions (latency - TTFT) / (n - 1)."""
WITH_FIRST = ("e2e_per_token", "tpot_with_first")
"""Definitions latency / n."""
GAPS = ("itl_per_chunk", "itl_per_token")
"""Definitions that pool times between chunks."""
STOPPED = ("stop", "eos", "eos_token", "end_turn", "stop_sequence")
FULL = ("length", "max_tokens")
"""Finish reasons: by itself, and at the length asked for."""
SMALLEST, LARGEST = 1e-12, 1e12


@dataclass(frozen=True, eq=False)
class Evidence:
    """One run and everything it may be held against. What cannot be known is None throughout."""

    run: Run
    recomputed: Recomputed
    yardstick: Yardstick | None = None
    requested_output_tokens: int | None = None
    """As the user says; else what the file says is used."""
    previous: tuple[Run, ...] = ()
    """Runs before this one in the same file."""

    # Reported figures

    def figure(self, metric: Metric, statistic: str = "mean") -> float | None:
        """As reported, in seconds, if it is a positive number."""
        return positive(self.run.figure(metric, statistic))

    def reports(self, metric: Metric) -> bool:
        """Whether the tool gives any figure of it."""
        return any(figure.metric is metric for figure in self.run.figures)

    def canonical(self, metric: Metric) -> str:
        """Key of the definition that the tool means, "" for none; what the name promises where the
        run has no definition."""
        if definition := self.run.definitions.get(metric):
            return definition.canonical
        usual = {Metric.TPOT: AFTER_FIRST[0], Metric.ITL: GAPS[0]}
        return usual.get(metric, metric.value)

    @cached_property
    def per_token(self) -> Metric:
        """The metric in which the tool reports a time per token after the first one.

        Some call it ITL. TPOT where there is none: then it may hold the first token too.
        """
        for metric in (Metric.TPOT, Metric.ITL):
            if self.canonical(metric) in AFTER_FIRST and self.reports(metric):
                return metric
        return Metric.TPOT

    def tpot_statistic(self, statistic: str) -> float | None:
        """Of the time per token: as reported, if the tool means one of the canonical definitions;
        of a tool that reports none or has a formula of its own, from the rows."""
        definition, reported = self.canonical(self.per_token), self.reports(self.per_token)
        if definition and reported:
            return self.figure(self.per_token, statistic)
        definition = definition or AFTER_FIRST[0]
        own = _of(self.recomputed.find(definition, self.counting), statistic)
        # totals and means give the mean over tokens only
        weighed = self.recomputed.find(AFTER_FIRST[1], self.counting)
        own = own or (_of(weighed, statistic) if definition in AFTER_FIRST else None)
        return own or (self.figure(self.per_token, statistic) if reported else None)

    @property
    def tpot(self) -> float | None:
        """Its mean."""
        return self.tpot_statistic("mean")

    @property
    def tpot_has_first(self) -> bool:
        """True where that is latency / n."""
        return self.canonical(self.per_token) in WITH_FIRST

    def recomputed_mean(self, definition: str) -> float | None:
        """Of a time per token, by the tool's own count."""
        return _of(self.recomputed.find(definition, self.counting), "mean")

    @property
    def e2e_per_token(self) -> float | None:
        """Mean of latency / n: as reported, else from the rows."""
        return self.figure(Metric.E2E_PER_TOKEN) or self.recomputed_mean(WITH_FIRST[0])

    def itl(self, statistic: str = "mean") -> float | None:
        """Of the gaps between chunks: as reported; of a tool that reports none, from the gaps."""
        if self.canonical(Metric.ITL) in GAPS and self.reports(Metric.ITL):
            return self.figure(Metric.ITL, statistic)
        return _of(self.recomputed.find(GAPS[0]), statistic)

    @property
    def ttft(self) -> float | None:
        """Mean: as reported, else from the rows."""
        return self.figure(Metric.TTFT) or _of(self.recomputed.find("ttft"), "mean")

    @property
    def duration_s(self) -> float | None:
        """Of the run."""
        return positive(self.run.totals.duration_s)

    # Counts

    @property
    def completed(self) -> int | None:
        """Requests that succeeded; None for none."""
        if self.run.totals.completed is not None:
            return self.run.totals.completed or None
        return int(self.run.requests.ok.sum()) or None if self.run.requests else None

    @cached_property
    def counting(self) -> Counting | None:
        """How the tokens were counted that the tool divides by."""
        if self.run.requests:
            return self.run.requests.counting
        counted = self.run.totals.output_tokens
        definition = self.run.definitions.get(self.per_token)
        if definition and (definition.counting in counted or not counted):
            return definition.counting
        return next(iter(counted), None)

    def counts(self, counting: Counting | None = None) -> Ints | None:
        """Output tokens of each successful request that has that count; the tool's own if None."""
        requests = self.run.requests
        column = requests.output_tokens.get(counting or requests.counting) if requests else None
        if requests is None or column is None:
            return None
        known = column[requests.ok & (column >= 0)]
        return known if known.size else None

    def tokens(self, counting: Counting | None = None) -> float | None:
        """Mean output tokens of a successful request, by that count (the tool's own if None)."""
        if (counted := self._counted(counting)) is not None:
            return counted
        totals = self.run.totals
        rates = positive(totals.output_tokens_per_s), positive(totals.requests_per_s)
        if counting in (None, self.counting) and rates[0] and rates[1]:
            return rates[0] / rates[1]
        return None

    @property
    def counted_tokens(self) -> float | None:
        """The same by the tool's own count, without what only follows from rates."""
        return self._counted(None)

    def _counted(self, counting: Counting | None) -> float | None:
        counts = self.counts(counting)
        if counts is not None:
            return float(counts.mean())
        total = self.run.totals.output_tokens.get(counting or self.counting or Counting.UNSTATED)
        return total / self.completed if total is not None and self.completed else None

    @property
    def divided_by(self) -> float | None:
        """Mean output tokens, as the tool counts, of the requests that have a TPOT: two or more."""
        counts = self.counts()
        if counts is None:
            mean = self.tokens()
            return mean if mean and mean > 1 else None
        several = counts[counts > 1]
        return float(several.mean()) if several.size else None

    @property
    def requested(self) -> int | None:
        """Output tokens asked for, of each request."""
        asked = self.requested_output_tokens or self.run.setting.output_tokens
        return asked if asked and asked > 0 else None

    def ended(self, *reasons: str) -> float | None:
        """Share of the successful requests with a finish reason that have one of these."""
        requests = self.run.requests
        if requests is None or requests.finish_reasons is None:
            return None
        pairs = zip(requests.finish_reasons, requests.ok, strict=True)
        known = [reason for reason, ok in pairs if ok and reason]
        return sum(reason in reasons for reason in known) / len(known) if known else None

    @property
    def tokens_a_step(self) -> float:
        """As the file states it; 1 where it does not."""
        return max(1.0, positive(self.run.setting.tokens_per_step) or 1.0)

    # Intervals

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

    # The operating point: batch, lengths, context

    @property
    def admitted(self) -> int | None:
        """Requests in flight at most, by the limit that was set."""
        limit = self.run.setting.max_concurrency
        return limit if limit and limit > 0 else None

    @property
    def output_rate(self) -> float | None:
        """Output tokens a second over the run: total over duration, else as reported."""
        n = self.counted_tokens
        if n and self.completed and self.duration_s:
            return n * self.completed / self.duration_s
        return positive(self.run.totals.output_tokens_per_s)

    @property
    def request_rate(self) -> float | None:
        """Completed requests a second: by counts and duration, else as reported."""
        if self.completed and self.duration_s:
            return self.completed / self.duration_s
        return positive(self.run.totals.requests_per_s)

    @property
    def latency(self) -> float | None:
        """Mean from sending to the end: as reported, else from the rows."""
        return self.figure(Metric.E2E) or _of(self.recomputed.find("e2e"), "mean")

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
        requests = self.run.requests
        if requests is None:
            return None
        way = next((way for way in BY_TRUST if way in requests.output_tokens), None)
        return None if way is None else requests.output_tokens[way]

    @property
    def decode_interval(self) -> float | None:
        """Mean time from the first message to the last: by gaps, else by clocks."""
        if self.gap_sums is not None and self.timed is not None:
            return positive(float(self.gap_sums[self.timed].mean()))
        return self.decode_s

    @cached_property
    def stream(self) -> Messages | None:
        """What its messages held, where they are fewer than the tokens."""
        return stream(self)

    @cached_property
    def batch(self) -> Known:
        """Sequences decoded at once, see :mod:`truetpot.serving.evidence.batch`."""
        return decode_batch(self)

    @cached_property
    def prompt(self) -> Known | None:
        """Tokens in the cache when the first token comes, mean."""
        return prompt_length(self)

    @cached_property
    def length(self) -> Known | None:
        """Tokens that a request decoded, mean."""
        return output_length(self)

    @cached_property
    def context(self) -> Known:
        """Length of the cache, a mean over the decode steps."""
        return mean_context(self)

    # The yardstick

    @property
    def floor_s(self) -> float | None:
        """Of a token at the run's own batch and context, seconds: what it is held against."""
        return self._floor(self.context.value, self.batch.value)

    @property
    def after_first(self) -> tuple[float, str] | None:
        """Mean time per token without the first one, and where it is from.

        As reported where the tool means that; else recomputed from rows, or from mean times. Of a
        file without means, as guidellm prints one, it is the reported median.
        """
        if not self.tpot_has_first and self.tpot:
            return self.tpot, "as reported" if self.reports(self.per_token) else "recomputed"
        n, decode_s = self.divided_by, self.decode_s
        means = decode_s / (n - 1) if n and decode_s else None
        found = next(filter(None, [*map(self.recomputed_mean, AFTER_FIRST), means]), None)
        if found is not None:
            return found, "recomputed without the first token"
        median = None if self.tpot_has_first else self.tpot_statistic("median")
        return None if median is None else (median, "as reported, the median: there is no mean")

    @property
    def judged(self) -> tuple[float, str] | None:
        """The time per token that is held against a yardstick, and where it is from."""
        if (found := self.after_first) is not None:
            return found
        whole = self.tpot or self.e2e_per_token
        return None if whole is None else (whole, "as reported, the first token in it")

    @property
    def slowest(self) -> float | None:
        """The reported time per token, or the longest that its stream of messages can mean."""
        reported = [self.judged[0]] if self.judged else []
        readings = self.stream.readings if self.stream else ()
        return max([one.token_s for one in readings] + reported, default=None)

    @property
    def least_s(self) -> float | None:
        """No decoded token can take less, seconds: one sequence, the shortest likely context."""
        return self._floor(self.context.low, 1.0)

    def floor_at(self, batch: float) -> float | None:
        """The same at the run's context and another batch."""
        return self._floor(self.context.value, batch)

    def _floor(self, context: float, batch: float) -> float | None:
        if self.yardstick is None:
            return None
        return positive(self.yardstick.floor_s(context, batch) / self.tokens_a_step)


def positive(value: float | None) -> float | None:
    """The value if it can be a time or a rate: above zero, and of no absurd size.

    Ratios of what passes are finite. What does not is for the detectors of values.
    """
    return value if value is not None and SMALLEST < value < LARGEST else None


def _of(summary: Summary | None, statistic: str) -> float | None:
    if summary is None:
        return None
    if statistic.startswith("p"):
        return positive(summary.percentiles.get(float(statistic[1:])))
    return positive(getattr(summary, statistic))
