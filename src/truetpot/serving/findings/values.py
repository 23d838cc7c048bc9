"""Values that no run can have."""

from __future__ import annotations

import math

import numpy as np

from truetpot.serving.evidence import Evidence
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import count, ms, sec
from truetpot.serving.records import Figure, Metric
from truetpot.serving.thresholds import limit

STREAMED = (Metric.TTFT, Metric.TPOT, Metric.ITL)


def _listed(figures: list[Figure]) -> str:
    said = [f"{figure.key} = {figure.value * 1e3:.6g} ms" for figure in figures[:3]]
    return ", ".join(said) + (f" and {len(figures) - 3} more" if len(figures) > 3 else "")


@detector(
    "not-a-number",
    title="A figure is missing where it should be",
    severity=Severity.WARNING,
    meaning=(
        "NaN, null or infinity: a mean over nothing, a division by n - 1 = 0, or no streaming. The"
        " tool noticed nothing."
    ),
    needs="Such a value; null without streaming is as it should be, where the file says so.",
    fix="See whether outputs had one token, and whether the client streamed.",
    rules=(6,),
    pitfalls=(19, 17),
)
def not_a_number(evidence: Evidence) -> Trace | None:
    """The deviation of one value is NaN by right."""
    streaming = evidence.run.setting.streaming is not False
    bad = [
        figure
        for figure in evidence.run.figures
        if not math.isfinite(figure.value)
        and figure.statistic != "std"
        and (streaming or figure.metric not in STREAMED)
    ]
    if not bad:
        return None
    keys = ", ".join(figure.key for figure in bad[:4])
    more = f" and {len(bad) - 4} more" if len(bad) > 4 else ""
    return Trace(f"No number: {keys}{more}.")


@detector(
    "zero-or-negative",
    title="A time is zero or negative",
    severity=Severity.ERROR,
    meaning=(
        "A sentinel (-1), a clock that ran backwards, a silent zero for a mean over nothing, or"
        " zeros averaged in for requests of one token. It passes every gate that has an upper bound"
        " only."
    ),
    needs="Such a value among the figures or rows.",
    fix="Treat it as missing; count the requests that have a time per token.",
    rules=(6,),
    pitfalls=(14, 15),
)
def zero_or_negative(evidence: Evidence) -> Trace | None:
    """Zero may stand for a spread, a queue, and single gaps; a TTFT of zero has its own finding."""
    bad = [figure for figure in evidence.run.figures if _impossible(figure)]
    if bad:
        return Trace(f"{_listed(bad)}.")
    requests = evidence.run.requests
    if requests is None:
        return None
    latency = int((requests.ok & (requests.latency_s <= 0)).sum())
    ttft = int((requests.ok & (requests.ttft_s < 0)).sum())
    gaps = requests.gaps.seconds if requests.gaps is not None else np.empty(0)
    negative = int(np.count_nonzero(gaps < 0)) if gaps.size and gaps.min() < 0 else 0
    said = [
        f"{count(number)} {words}"
        for number, words in (
            (latency, "latencies are not above zero"),
            (ttft, "TTFTs are negative"),
            (negative, "gaps are negative"),
        )
        if number
    ]
    return Trace(f"{', '.join(said)}.") if said else None


def _impossible(figure: Figure) -> bool:
    if figure.statistic == "std":
        return figure.value < 0
    if figure.metric in (Metric.TTFT, Metric.QUEUE):
        return figure.value < 0
    if figure.metric is Metric.ITL and figure.statistic not in ("mean", "max"):
        return figure.value < 0
    return figure.value <= 0


@detector(
    "ttft-zero",
    title="TTFT is zero",
    severity=Severity.ERROR,
    meaning=(
        "No first chunk was seen: the response was not streamed, or its first message was not"
        " recognised. The time per token then holds queue and prefill, or is a silent zero."
    ),
    needs="A TTFT of zero, in the figures or in successful rows with output.",
    fix="Stream, or use end-to-end time per token and say so.",
    rules=(8, 6),
    pitfalls=(14, 6),
)
def ttft_zero(evidence: Evidence) -> Trace | None:
    """TTFT is exactly zero, the initial value of the field."""
    zeros = [f for f in evidence.run.figures if f.metric is Metric.TTFT and f.value == 0]
    zeros = [figure for figure in zeros if figure.statistic in ("mean", "median")]
    requests = evidence.run.requests
    if requests is not None:
        rows = int((requests.ok & (requests.ttft_s == 0) & (requests.tokens > 0)).sum())
        if rows:
            return Trace(f"{count(rows)} successful requests have a TTFT of zero.")
    return Trace(f"{_listed(zeros)}.") if zeros else None


@detector(
    "longer-than-the-run",
    title="A time is longer than the whole run",
    severity=Severity.ERROR,
    meaning=(
        "No request can take longer than the run that it is part of: a timestamp that was never"
        " set, a wrong unit, or a quotient that is no time."
    ),
    needs="The run's duration.",
    fix="Discard the value; look at the rows for the request that made it.",
    rules=(6, 11),
    pitfalls=(15,),
)
def longer_than_the_run(evidence: Evidence) -> Trace | None:
    """Figures, rows, and the decode time of a run of one request."""
    duration = evidence.duration_s
    if duration is None:
        return None
    most = duration + max(limit("rounding") * duration, limit("rounding_s"))
    bad = [f for f in evidence.run.figures if f.value > most and f.statistic != "std"]
    if bad:
        return Trace(f"{_listed(bad)}; the run took {sec(duration)}.")
    requests, tpot, n = evidence.run.requests, evidence.tpot, evidence.divided_by
    if requests is not None and requests.ok.any():
        over = requests.latency_s[requests.ok] > most
        if over.any():
            longest = float(np.max(requests.latency_s[requests.ok][over]))
            text = f"{count(int(over.sum()))} requests took up to {sec(longest)}"
            return Trace(f"{text}; the run took {sec(duration)}.")
    if evidence.completed == 1 and tpot and n and not evidence.tpot_has_first:
        interval = tpot * (n - 1)
        if interval > limit("one_request") * duration:
            text = f"Mean TPOT {ms(tpot)} over {count(n)} - 1 tokens makes {sec(interval)}"
            return Trace(f"{text}; the run took {sec(duration)}.", interval / duration)
    return None
