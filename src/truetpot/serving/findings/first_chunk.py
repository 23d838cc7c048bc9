"""A first chunk that is no token, or stands among the gaps."""

from __future__ import annotations

import math

import numpy as np

from truetpot.serving.evidence import AFTER_FIRST, SMALLEST, Evidence
from truetpot.serving.evidence.came import first_gap_is_ttft
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import count, ms, percent, times
from truetpot.serving.records import Metric
from truetpot.serving.thresholds import limit

EQUAL = 1e-9
"""Relative difference of two values that were the same double."""


@detector(
    "ttft-among-gaps",
    title="TTFT stands among the gaps between chunks",
    severity=Severity.ERROR,
    meaning=(
        "The time to the first token was appended to the gaps too. Mean and percentiles of ITL"
        " then hold the prefill. A time per token that the tool takes from clocks is not touched:"
        " beside one it is a warning."
    ),
    needs="Rows whose first gap equals TTFT, or the same maximum of ITL and TTFT.",
    fix="Drop the first gap of each request.",
    rules=(4, 5),
    pitfalls=(3,),
    explains=("first-chunk-is-no-token",),
)
def ttft_among_gaps(evidence: Evidence) -> Trace | None:
    """TTFT is among the gaps: equality to the last digit is no chance."""
    requests, timed = evidence.run.requests, evidence.timed
    if requests is not None and requests.gaps is not None and timed is not None:
        gaps = requests.gaps
        rows = timed & (gaps.counts() > 1) & (requests.ttft_s > SMALLEST)
        first = gaps.seconds[gaps.offsets[:-1][rows]]
        if not rows.any():
            return None
        share = float(np.mean(np.abs(first - requests.ttft_s[rows]) <= EQUAL * first))
        if share < limit("most"):
            return None
        total = float((evidence.gap_sums[rows] if evidence.gap_sums is not None else first).sum())
        n = int(gaps.counts()[rows].sum())
        with_it, without = total / n, (total - float(first.sum())) / (n - len(first))
        text = (
            f"The first gap equals TTFT in {percent(share)} of the requests; the mean gap is"
            f" {ms(with_it)} with it and {ms(without)} without."
        )
        return Trace(text, with_it / without if without > 0 else None, _severity(evidence))
    if first_gap_is_ttft(evidence):
        return _by_means(evidence)
    longest = evidence.figure(Metric.ITL, "max"), evidence.figure(Metric.TTFT, "max")
    if not longest[0] or longest[0] != longest[1]:
        return None
    text = f"The longest gap and the longest TTFT are both {ms(longest[0])}."
    mean, ttft, tokens = evidence.figure(Metric.ITL), evidence.ttft, evidence.divided_by
    true_s = (mean * tokens - ttft) / (tokens - 1) if mean and ttft and tokens else 0.0
    return Trace(text, mean / true_s if mean and true_s > 0 else None, _severity(evidence))


def _severity(evidence: Evidence) -> Severity:
    """A warning where the reported time per token does not come from the gaps."""
    by_clock = evidence.canonical(evidence.per_token) in AFTER_FIRST
    reported = evidence.figure(evidence.per_token) is not None
    return Severity.WARNING if by_clock and reported else Severity.ERROR


def _by_means(evidence: Evidence) -> Trace:
    known = evidence.itl(), evidence.ttft, evidence.divided_by, evidence.tpot
    gap, ttft, n, tpot = (value or math.nan for value in known)
    tokens, intervals = count(round(n, 2)), count(round(n - 1, 2))
    text = (
        f"The mean gap of {ms(gap)} is TTFT and all intervals together over {tokens} tokens:"
        f" ({ms(ttft)} + {intervals} times {ms(tpot)}) / {tokens}."
    )
    return Trace(text, gap / tpot, _severity(evidence))


@detector(
    "first-chunk-is-no-token",
    title="TTFT ends with a chunk that is no token",
    severity=Severity.WARNING,
    meaning=(
        "A message that carries only the role comes at once; the prefill is then not in TTFT but in"
        " the first gap, and in the time per token."
    ),
    needs="Rows whose first gap is several times the others; or a TTFT shorter than a step.",
    fix="Start TTFT at the first chunk with text; drop the first gap from the time per token.",
    rules=(8, 11),
    pitfalls=(6,),
)
def first_chunk_is_no_token(evidence: Evidence) -> Trace | None:
    """Rows show the size; without them TTFT below a step is the only sign."""
    if (from_rows := _long_first_gap(evidence)) is not None:
        return from_rows
    ttft = evidence.ttft
    if ttft is None:
        return None
    steps = [value for value in (evidence.tpot, evidence.itl()) if value]
    floor = evidence.least_s
    if steps and ttft < limit("half_a_step") * min(steps):
        return Trace(
            f"Mean TTFT {ms(ttft)} is shorter than the time of one token, {ms(min(steps))}: the"
            " first token cannot have come by then."
        )
    if floor and ttft < floor * (1 - limit("rounding")):
        return Trace(
            f"Mean TTFT {ms(ttft)} is below the floor of a step, {ms(floor)}: the first token"
            " cannot have come by then."
        )
    return None


def _long_first_gap(evidence: Evidence) -> Trace | None:
    requests, timed, sums = evidence.run.requests, evidence.timed, evidence.gap_sums
    if requests is None or requests.gaps is None or timed is None or sums is None:
        return None
    gaps = requests.gaps.counts()
    rows = timed & (gaps > 2) & (requests.tokens > 2)
    if not rows.any():
        return None
    first = requests.gaps.seconds[requests.gaps.offsets[:-1][rows]]
    others = (sums[rows] - first) / (gaps[rows] - 1)
    ratio = float(np.median(first / np.maximum(others, 1e-12)))
    if ratio < limit("first_gap") or np.median(requests.ttft_s[rows]) >= np.median(first):
        return None
    n = requests.tokens[rows]
    with_it = float(np.mean(sums[rows] / (n - 1)))
    without = float(np.mean((sums[rows] - first) / (n - 2)))
    medians = float(np.median(first)), float(np.median(requests.ttft_s[rows]))
    text = (
        f"The first gap is {times(ratio)} times the mean of the others and longer than TTFT"
        f" (medians {ms(medians[0])} and {ms(medians[1])}): with it a token takes"
        f" {ms(with_it)}, without {ms(without)}."
    )
    return Trace(text, with_it / without if without > 0 else None)
