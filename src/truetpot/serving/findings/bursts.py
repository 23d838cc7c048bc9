"""Gaps between chunks of two kinds: many next to nothing, or few that hold most of the time."""

from __future__ import annotations

from enum import StrEnum

from truetpot.serving.evidence import Evidence
from truetpot.serving.findings.agreement import expected_tpot
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import ms, percent, times
from truetpot.serving.thresholds import limit

BORDER = 1.25
"""A figure that near to a border between two patterns, as a factor, fits both."""
BETWEEN = 2.0
"""The same of the time that messages of one step are apart, which nobody publishes."""


class Pattern(StrEnum):
    """What makes the mean gap several times the median one."""

    BURSTS = "bursts"
    STALLS = "stalls"


def patterns(evidence: Evidence) -> set[Pattern]:
    """Those that the gaps fit; empty where mean and median are near each other.

    A median gap above the floor of a step, or longer than messages of one step are apart, is a step
    of its own. Else the tail decides: of k tokens a step one gap in k is longer than the mean.
    """
    mean, median = evidence.itl(), evidence.itl("median")
    if not mean or not median or mean < limit("aggregate_ratio") * median:
        return set()
    if median > limit("burst") * mean:  # no burst has so long a gap within
        tail = _tail(evidence, mean, limit("inflation"))
        return {Pattern.STALLS} if Pattern.STALLS in tail else set()
    if floor := evidence.least_s:
        return {Pattern.STALLS} if median >= floor else {Pattern.BURSTS}
    if median >= limit("message_s") * BETWEEN:
        return {Pattern.STALLS}
    found = _tail(evidence, mean, limit("stall_tail"))
    if median >= limit("message_s") / BETWEEN:  # neither end of it tells by itself
        return found | {Pattern.STALLS}
    return found


def _tail(evidence: Evidence, mean: float, border: float) -> set[Pattern]:
    """By the longest gaps, p99 over the mean; both near the border, bursts where it is not told."""
    for statistic in ("p90", "p75"):
        if value := evidence.itl(statistic):
            return _which(mean / value, 1.0)
    if p99 := evidence.itl("p99"):
        if p99 < mean:  # less than one gap in a hundred is longer than the mean
            return {Pattern.STALLS}
        return _which(p99 / mean, border)
    return {Pattern.BURSTS}


def _which(ratio: float, border: float) -> set[Pattern]:
    if ratio > border * BORDER:
        return {Pattern.STALLS}
    return {Pattern.BURSTS} if ratio < border / BORDER else {Pattern.BURSTS, Pattern.STALLS}


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
    if not itl or not median or patterns(evidence) != {Pattern.BURSTS}:
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
    """Gaps of which a few are long: the opposite of bursts."""
    mean, median = evidence.itl(), evidence.itl("median")
    if not mean or not median or patterns(evidence) != {Pattern.STALLS}:
        return None
    text = f"The mean gap is {ms(mean)}, {times(mean / median)} times the median of {ms(median)}"
    if (floor := evidence.least_s) and median >= floor:
        text += f", which is a step of its own: a step of one sequence takes {ms(floor)} at least"
    elif median >= limit("message_s") * BETWEEN:
        text += ", which is longer than the messages of one step are apart"
    else:
        text += ", and at most a tenth of the gaps is longer than the mean"
    return Trace(f"{text}.", mean / median)


@detector(
    "bursts-or-stalls",
    title="Several tokens come at once, or a few long gaps hold most of the time",
    severity=Severity.WARNING,
    meaning=(
        "The mean gap is many times the median. Tokens or messages that come together make many"
        " gaps next to nothing; prefills of other requests, preemption or a slow client make a few"
        " long ones. The figures fit both."
    ),
    needs="Mean and median ITL, and a tail that lies between the two.",
    fix="Give a model and a device, or rows with gaps: a floor tells a step from a message.",
    rules=(2, 5, 13),
    pitfalls=(6, 11),
)
def bursts_or_stalls(evidence: Evidence) -> Trace | None:
    """Said where neither is excluded, rather than one of them guessed."""
    mean, median = evidence.itl(), evidence.itl("median")
    if not mean or not median or len(patterns(evidence)) < len(Pattern):
        return None
    if evidence.tokens_a_step > limit("speculation"):  # stated: several-a-step says it
        return None
    return Trace(
        f"The mean gap is {ms(mean)}, {times(mean / median)} times the median of {ms(median)}:"
        " bursts of several tokens, or a few stalls."
    )
