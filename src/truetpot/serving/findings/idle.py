"""A duration that is longer than the run."""

from __future__ import annotations

import math

import numpy as np

from truetpot.serving.evidence import Evidence, positive
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import count, percent, sec
from truetpot.serving.records import Metric
from truetpot.serving.thresholds import limit


@detector(
    "idle-in-the-duration",
    title="The duration runs past the last request",
    severity=Severity.WARNING,
    meaning=(
        "The run's duration is longer than the time in which its requests were in flight. Rates"
        " over that duration (requests, tokens a second) are too low, and so is the batch by"
        " Little's law; times per token are not touched."
    ),
    needs=(
        "A duration with the start and end of every request; or with the requests under way as a"
        " distribution over time."
    ),
    fix="Divide by the time from the first start to the last end.",
    rules=(10,),
)
def idle_in_the_duration(evidence: Evidence) -> Trace | None:
    """Only where the rows are all requests: of a sample, others may have run meanwhile."""
    requests, duration = evidence.run.requests, evidence.duration_s
    if duration is None:
        return None
    if requests is None or requests.start_s is None:
        return _of_totals(evidence, duration)
    whole = len(requests) >= (evidence.run.totals.completed or 0)
    begin, end = requests.start_s, requests.start_s + requests.latency_s
    known = np.isfinite(begin) & np.isfinite(end)
    if not whole or not known.all() or not len(requests):
        return None
    window, began = float(end.max() - begin.min()), requests.began_s
    idle = duration - window
    if began is not None:
        idle = min(idle, began + duration - float(end.max()))
    elif not evidence.closed:  # the first request may have been some time coming
        idle -= limit("arrivals") / _rate(evidence)
    if window <= 0 or idle < (limit("weighting") - 1) * window:
        return None
    text = f"The duration is {sec(duration)}, and the requests ran for {sec(window)} of it"
    if rate := evidence.output_rate:
        n, done = evidence.counted_tokens, evidence.completed
        by_window = n * done / window if n and done else rate * duration / window
        text += f": {count(round(by_window, 2))} tokens/s while they ran"
    return Trace(f"{text}.")


def _rate(evidence: Evidence) -> float:
    """Requests a second as asked for."""
    return positive(evidence.run.setting.request_rate) or math.inf


def _of_totals(evidence: Evidence, duration: float) -> Trace | None:
    """A tool that takes its rate from the first token to the last shows the rest by it.

    The rest holds the first request's time to its first token, at most the longest that the tool
    wrote. No request under way is idle time where none waits for a moment to come; else it may
    have been so between two requests, and the rest decides.
    """
    reported = positive(evidence.run.totals.output_tokens_per_s)
    n, done = evidence.counted_tokens, evidence.completed
    if reported is None or not n or not done:
        return None
    window, longest = n * done / reported, evidence.figure(Metric.TTFT, "max")
    share = evidence.run.totals.idle_share or 0.0
    text = (
        f"{count(round(reported, 2))} tokens/s are reported, and {count(done)} requests of"
        f" {count(n)} tokens in {sec(duration)} make {count(round(n * done / duration, 2))}."
    )
    late = longest is not None and duration >= limit("weighting") * (window + longest)
    if share >= 1 - 1 / limit("weighting") and (evidence.closed or late):
        return Trace(f"{text} No request was under way in {percent(share)} of the time, at least.")
    if limit("weighting") <= duration / window < limit("inflation"):
        return Trace(text, None, Severity.INFO)
    return None
