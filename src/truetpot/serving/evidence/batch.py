"""How many sequences a run decoded at once, from whatever the file holds.

By Little's law the mean number of sequences that decode is the rate of requests times the time that
one decodes (Operations Research 9 (1961), doi 10.1287/opre.9.3.383). No token is counted for that,
so a wrong count of tokens does not change it. With the start of each request the number is known at
every moment, and the mean is taken over the decoded tokens: a step's time is that of the sequences
that were there when it ran.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from truetpot.serving.evidence.intervals import Intervals
from truetpot.serving.evidence.known import Known
from truetpot.serving.records import Floats

MODEL_SLACK = 0.25
"""Relative: by how much a mean number of sequences differs from what a step saw, as rule of thumb.

Requests come and go, and the mean over time is below the mean over tokens (size bias): with a
constant limit of concurrency by a few per cent, with Poisson arrivals by up to 1 + 1/batch.
"""


def decode_batch(evidence: Intervals) -> Known:
    """The first that the file determines: stated, seen from starts, by Little's law, bounded.

    Never below one: a run that decoded at all had a sequence.
    """
    for way in _WAYS:
        if (found := way(evidence)) is not None:
            return _bounded(found, evidence)
    unknown = "unknown: nothing in the file tells it; 1 is assumed"
    return Known(1.0, 1.0, None, unknown, assumed=True)


def _bounded(found: Known, evidence: Intervals) -> Known:
    """Not above what was admitted, nor above the number of requests."""
    limits = [n for n in (evidence.admitted, evidence.completed) if n]
    if evidence.run.setting.batch or not limits:
        return found
    most = float(max(1, min(limits)))
    high = most if found.high is None else min(found.high, most)
    value = min(found.value, most)
    return Known(value, min(found.low, value), max(high, value), found.source, found.assumed)


def _stated(evidence: Intervals) -> Known | None:
    batch = evidence.run.setting.batch
    return Known.exactly(float(batch), "the batch that the file states") if batch else None


def _one_request(evidence: Intervals) -> Known | None:
    # without a duration it may be one answer of a server that had others to give
    if evidence.completed != 1 or evidence.duration_s is None:
        return None
    return Known.exactly(1.0, "the run had one request")


def _from_starts(evidence: Intervals) -> Known | None:
    """Requests with a start, a first token and an end."""
    requests, rows = evidence.run.requests, evidence.timed
    if requests is None or rows is None or requests.start_s is None:
        return None
    begin = (requests.start_s + requests.ttft_s)[rows]
    end = (requests.start_s + requests.latency_s)[rows]
    if not np.isfinite(begin).all() or not np.isfinite(end).all():
        return None
    mean, low, high = _seen(begin, end)
    return Known(mean, low, high, "the requests' own starts and ends, a mean over their tokens")


def _seen(begin: Floats, end: Floats) -> tuple[float, float, float]:
    """Mean over the time of all sequences of how many were there; least and most at any moment."""
    times = np.concatenate([begin, end])
    steps = np.concatenate([np.ones(len(begin)), -np.ones(len(end))])
    # an end before a start at the same moment: one took the other's place
    order = np.lexsort((steps, times))
    at_once, lasted = np.cumsum(steps[order])[:-1], np.diff(times[order])
    busy = (at_once > 0) & (lasted > 0)
    if not busy.any():
        return 1.0, 1.0, 1.0
    n, t = at_once[busy], lasted[busy]
    return float((n * n * t).sum() / (n * t).sum()), float(n.min()), float(n.max())


def _from_rows(evidence: Intervals) -> Known | None:
    """Without starts: the requests' intervals over the run's duration."""
    requests, rows, duration = evidence.run.requests, evidence.timed, evidence.duration_s
    if requests is None or rows is None or duration is None:
        return None
    total = float(np.sum((requests.latency_s - requests.ttft_s)[rows]))
    return _mean(total / duration, "Little's law over the requests' own intervals")


def _from_means(evidence: Intervals) -> Known | None:
    """Rate of requests times the mean interval from first token to end."""
    rate = evidence.request_rate
    interval = evidence.decode_s
    if interval is None and evidence.tpot and evidence.divided_by and not evidence.tpot_has_first:
        interval = evidence.tpot * (evidence.divided_by - 1)
    if rate is None or interval is None:
        return None
    return _mean(rate * interval, "Little's law over the mean interval and the rate of requests")


def _from_throughput(evidence: Intervals) -> Known | None:
    """Tokens a second times seconds a token."""
    rate, tpot = evidence.output_rate, evidence.tpot
    if rate is None or tpot is None or evidence.tpot_has_first:
        return None
    return _mean(rate * tpot, "Little's law over the time per token and the output throughput")


def _from_concurrency(evidence: Intervals) -> Known | None:
    """Those in flight, of which some wait for their first token; one at a time is exact."""
    measured, admitted = evidence.run.totals.mean_concurrency, evidence.admitted
    if admitted == 1:
        return Known.exactly(1.0, "one request at a time was admitted")
    many = measured or admitted
    if not many:
        return None
    words = "the concurrency that the tool measured" if measured else "the limit of concurrency"
    latency, decode_s = evidence.latency, evidence.decode_s
    if latency and decode_s:
        share = min(1.0, decode_s / latency)
        return _mean(many * share, f"{words}, times the part of a request that decodes")
    return Known(max(1.0, float(many)), 1.0, max(1.0, float(many)), f"at most {words}")


def _mean(sequences: float, source: str) -> Known:
    value = max(1.0, sequences)
    # above: size bias; below: a run that was not busy all the time
    return Known(value, max(1.0, value * (1 - MODEL_SLACK)), value * (1 + MODEL_SLACK) + 1, source)


_WAYS: tuple[Callable[[Intervals], Known | None], ...] = (
    _stated, _one_request, _from_starts, _from_rows, _from_means, _from_throughput,
    _from_concurrency,
)  # fmt: skip
"""The more certain first."""
