"""Streamed chunks that are not tokens."""

from __future__ import annotations

import numpy as np

from truetpot.serving.evidence import SMALLEST, Evidence
from truetpot.serving.findings.agreement import expected_tpot
from truetpot.serving.findings.counts import BY_TRUST
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.thresholds import limit
from truetpot.serving.findings.words import count, ms, percent, sec, times
from truetpot.serving.records import Metric

EQUAL = 1e-9
"""Relative difference of two values that were the same double."""


def tokens_a_gap(evidence: Evidence) -> tuple[float, str] | None:
    """Intervals between tokens for each gap between chunks, and where it was read."""
    requests, timed = evidence.run.requests, evidence.timed
    if requests is not None and requests.gaps is not None and timed is not None:
        counting = next((way for way in BY_TRUST if way in requests.output_tokens), None)
        if counting is None or requests.gap_unit_is_token:
            return None
        gaps, tokens = requests.gaps.counts(), requests.output_tokens[counting]
        rows = timed & (gaps > 0) & (tokens > 1)
        intervals, streamed = float((tokens[rows] - 1).sum()), float(gaps[rows].sum())
        close = abs(intervals - streamed) <= limit("gap_count_slack") * rows.sum()
        if not streamed or close or abs(np.log(intervals / streamed)) < np.log(limit("gap_count")):
            return None
        text = f"{count(intervals)} intervals between tokens lie in {count(streamed)} gaps"
        return intervals / streamed, text
    tpot, itl = evidence.tpot, evidence.itl()
    if tpot is None or itl is None or evidence.tpot_has_first:
        return None
    if itl < limit("aggregate_ratio") * tpot:
        return None
    text = f"Mean ITL {ms(itl)} is {times(itl / tpot)} times mean TPOT {ms(tpot)}"
    return itl / tpot, text


@detector(
    "chunk-is-not-a-token",
    title="A streamed chunk is not one token",
    severity=Severity.WARNING,
    meaning=(
        "ITL is the time between chunks. A chunk may hold several tokens (multi-step scheduling, a"
        " parser that waits, speculation) or none (a role, a reasoning marker, a finish message)."
        " ITL is then no time per token, and means over chunks and over tokens differ."
    ),
    needs="Rows with gaps and counts; or mean ITL well above mean TPOT.",
    fix="Use (latency - TTFT)/(n - 1) with the server's count; call ITL a time per chunk.",
    rules=(5, 2),
    pitfalls=(5, 20),
)
def chunk_is_not_a_token(evidence: Evidence) -> Trace | None:
    """Not where stated speculation says the same."""
    found = tokens_a_gap(evidence)
    if found is None:
        return None
    ratio, text = found
    accepted = evidence.tokens_a_step
    if accepted > limit("speculation") and 1 / limit("pace") < ratio / accepted < limit("pace"):
        return None
    text += f": {times(ratio)} tokens a chunk."
    duration, ttft, n = evidence.duration_s, evidence.ttft, evidence.divided_by
    if evidence.completed == 1 and duration and ttft and n and duration > ttft:
        pace = (duration - ttft) / (n - 1)
        text += (
            f" The run's one request took ({sec(duration)} - {ms(ttft)})/({count(n)} - 1) ="
            f" {ms(pace)} a token."
        )
    return Trace(text, ratio)


@detector(
    "chunks-counted-as-tokens",
    title="The divisor counts stream events, not tokens",
    severity=Severity.ERROR,
    meaning=(
        "The time from the first token to the end, over the tokens that came, is longer than the"
        " reported time per token: the tool divided by more events than there were tokens, for"
        " example by every line of the stream, blank ones included."
    ),
    needs="Mean TPOT, mean latency and TTFT, and a count of tokens.",
    fix="Divide by the count of tokens in the same file.",
    rules=(5,),
    pitfalls=(17, 12, 5),
    explains=("reported-differs", "below-floor"),
)
def chunks_counted_as_tokens(evidence: Evidence) -> Trace | None:
    """The mirror of a visible-token denominator: a divisor that is too large."""
    expected, tpot, n = expected_tpot(evidence), evidence.tpot, evidence.divided_by
    if expected is None or tpot is None or n is None:
        return None
    true_s, how = expected
    if tpot * limit("aggregate_ratio") > true_s:
        return None
    intervals = n if evidence.tpot_has_first else n - 1
    text = (
        f"Mean TPOT {ms(tpot)} stands beside {how} = {ms(true_s)}: it divides by"
        f" {times(intervals * true_s / tpot)} intervals, and {count(n)} tokens came."
    )
    return Trace(text, tpot / true_s)


@detector(
    "several-a-step",
    title="Several tokens or events come at once",
    severity=Severity.WARNING,
    meaning=(
        "Chunks come in bursts: the tokens of one verify step of speculative decoding, or several"
        " messages of one step. The median gap is then next to nothing, ITL is per step or per"
        " message, and a time per token may lie below a single-token step without being wrong."
    ),
    needs="A stated accepted length above 1; or a median gap far below the mean one.",
    fix=(
        "Compare tokens per second or (latency - TTFT)/(n - 1), not ITL; hold it against a floor"
        " only after multiplying by the tokens a step."
    ),
    rules=(2, 5),
    pitfalls=(11,),
)
def several_a_step(evidence: Evidence) -> Trace | None:
    """Stated speculation is a fact (info); bursts without it are a warning."""
    accepted, itl, tpot = evidence.tokens_a_step, evidence.itl(), evidence.tpot
    if accepted > limit("speculation"):
        text = f"The file states {times(accepted)} tokens a step."
        if not itl or not tpot:
            return Trace(text, None, Severity.INFO)
        text += f" Mean ITL {ms(itl)} is {times(itl / tpot)} times mean TPOT {ms(tpot)}."
        return Trace(text, itl / tpot, Severity.INFO)
    median = evidence.itl("median")
    if not itl or not median or median > limit("burst") * itl or _stalled(evidence, itl):
        return None
    text = (
        f"The median gap of {ms(median)} is {percent(median / itl)} of the mean of {ms(itl)}: half"
        " of the chunks come with the one before."
    )
    expected = expected_tpot(evidence)
    if expected and expected[0] >= limit("aggregate_ratio") * itl:
        text += f" There are {times(expected[0] / itl)} of them for each token: not all are tokens."
    else:
        text += " Whether they are tokens of one step or messages without any, the gaps do not say."
    return Trace(text)


def _stalled(evidence: Evidence, mean: float) -> bool | None:
    """Whether few long gaps raise the mean, not many short ones the share below it; or None."""
    for statistic in ("p90", "p75"):
        if value := evidence.itl(statistic):
            return value < mean
    tail = evidence.itl("p99")
    return tail >= limit("stall_tail") * mean if tail else None


@detector(
    "stalls",
    title="A few long gaps hold most of the time",
    severity=Severity.WARNING,
    meaning=(
        "The mean gap is several times the median, and few gaps make it: preemption, prefills of"
        " other requests between the steps, a client that could not keep up. The mean time per"
        " token is then no decode step."
    ),
    needs="Mean and median ITL with p90 or p99, or gaps.",
    fix="Look for preemptions in the server's log; compare the median with a measured step.",
    rules=(2, 13),
    pitfalls=(6,),
)
def stalls(evidence: Evidence) -> Trace | None:
    """The opposite of bursts."""
    mean, median = evidence.itl(), evidence.itl("median")
    if not mean or not median or mean < limit("inflation") * median:
        return None
    if not _stalled(evidence, mean):
        return None
    text = (
        f"The mean gap is {ms(mean)}, {times(mean / median)} times the median of {ms(median)}, and"
        " at most a tenth of the gaps is longer than the mean."
    )
    return Trace(text, mean / median)


@detector(
    "ttft-among-gaps",
    title="TTFT stands among the gaps between chunks",
    severity=Severity.ERROR,
    meaning=(
        "The time to the first token was appended to the gaps too. Mean and percentiles of ITL"
        " then hold the prefill."
    ),
    needs="Rows whose first gap equals TTFT, or the same maximum of ITL and TTFT.",
    fix="Drop the first gap of each request.",
    rules=(4, 5),
    pitfalls=(3,),
    explains=("first-chunk-is-no-token",),
)
def ttft_among_gaps(evidence: Evidence) -> Trace | None:
    """Equality to the last digit is no chance."""
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
        return Trace(text, with_it / without if without > 0 else None)
    longest = evidence.figure(Metric.ITL, "max"), evidence.figure(Metric.TTFT, "max")
    if not longest[0] or longest[0] != longest[1]:
        return None
    text = f"The longest gap and the longest TTFT are both {ms(longest[0])}."
    mean, ttft, tokens = evidence.figure(Metric.ITL), evidence.ttft, evidence.divided_by
    true_s = (mean * tokens - ttft) / (tokens - 1) if mean and ttft and tokens else 0.0
    return Trace(text, mean / true_s if mean and true_s > 0 else None)


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
