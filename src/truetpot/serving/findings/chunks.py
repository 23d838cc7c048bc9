"""Streamed chunks that are not tokens."""

from __future__ import annotations

from truetpot.serving.evidence import Evidence
from truetpot.serving.evidence.messages import Holds, Messages, Reading
from truetpot.serving.findings.agreement import expected_tpot
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import count, ms, sec, times
from truetpot.serving.thresholds import limit

_HELD = {
    Holds.ALIKE: "each message held {k} tokens, the first too",
    Holds.FIRST_ALONE: "the first message held one token and the others {k}",
    Holds.HIDDEN_FIRST: "{h} tokens were decoded before the first visible one",
    Holds.ENDED: "each message held one token and {h} of those asked for never came",
}


@detector(
    "chunk-is-not-a-token",
    title="A streamed chunk is not one token",
    severity=Severity.WARNING,
    meaning=(
        "ITL is the time between chunks. A chunk may hold several tokens (multi-step scheduling, a"
        " streaming interval, a parser that waits, speculation) or none (a role, a reasoning"
        " marker, a finish message). ITL is then no time per token, and means over chunks and over"
        " tokens differ. Where the first chunk holds as many tokens as the others,"
        " (latency - TTFT)/(n - 1) is too short as well: its interval covers n less those of the"
        " first chunk."
    ),
    needs=(
        "Rows with gaps or messages, and counts; mean ITL well above mean TPOT; gaps of 0 between"
        " the tokens of a message; or a TPOT divided by messages, mean latency, TTFT and a count."
    ),
    fix="Stream every token (stream_interval = 1), or divide the interval by the tokens in it.",
    rules=(5, 2),
    pitfalls=(5, 20),
)
def chunk_is_not_a_token(evidence: Evidence) -> Trace | None:
    """Not where stated speculation says the same, nor where hidden tokens alone explain it."""
    stream = evidence.stream
    if stream is not None:
        return _of_stream(evidence, stream)
    found = more_messages(evidence)
    if found is None or _as_stated(evidence, found[0]):
        return None
    ratio, text = found
    return Trace(f"{text}: {times(ratio)} tokens a chunk.", ratio)


def _of_stream(evidence: Evidence, stream: Messages) -> Trace | None:
    other = (Holds.HIDDEN_FIRST, Holds.ENDED)
    several = [one for one in stream.readings if one.holds not in other]
    if not several or (evidence.tokens_a_step > limit("speculation") and len(several) == 1):
        return None
    readings = "; or ".join(_said(stream, one) for one in stream.readings)
    text = f"{_counts(stream)}: {readings}."
    duration, ttft, n = evidence.duration_s, evidence.ttft, evidence.divided_by
    if evidence.completed == 1 and duration and ttft and n and duration > ttft:
        pace = (duration - ttft) / (n - 1)
        text += (
            f" The run's one request took ({sec(duration)} - {ms(ttft)})/({count(n)} - 1) ="
            f" {ms(pace)} a token."
        )
    paces = [one.token_s for one in stream.readings]
    agree = max(paces) / min(paces) - 1 <= limit("same")
    return Trace(text, stream.gap_s / paces[-1] if agree else None)


def _counts(stream: Messages) -> str:
    return f"{count(stream.tokens)} tokens came in {count(stream.messages)} messages"


def _said(stream: Messages, one: Reading) -> str:
    held = _HELD[one.holds].format(
        k=times(one.tokens_a_message), h=count(round(stream.tokens - stream.messages))
    )
    return f"{held}, and a token took {ms(one.token_s)}"


def _as_stated(evidence: Evidence, ratio: float) -> bool:
    """Whether it is the number of tokens that the file says come per step or per chunk."""
    stated = evidence.run.setting.tokens_per_chunk or evidence.tokens_a_step
    return stated > limit("speculation") and 1 / limit("pace") < ratio / stated < limit("pace")


def more_messages(evidence: Evidence) -> tuple[float, str] | None:
    """More messages than tokens: intervals between tokens for each gap, and where it was read."""
    requests, timed, chunks = evidence.run.requests, evidence.timed, evidence.chunks
    counts = None if requests is None else evidence.trusted_counts
    if requests is None or timed is None or chunks is None or counts is None:
        return None
    intervals, gaps = float(counts[timed].mean()) - 1, chunks - 1
    if requests.gap_unit_is_token or intervals <= 0 or gaps <= intervals:
        return None
    if gaps - intervals <= limit("gap_count_slack") or gaps < limit("gap_count") * intervals:
        return None
    text = f"{count(intervals)} intervals between tokens lie in {count(gaps)} gaps"
    return intervals / gaps, text


@detector(
    "hidden-tokens",
    title="The interval of the visible tokens, divided by hidden ones too",
    severity=Severity.ERROR,
    meaning=(
        "TTFT ends at the first visible token, and the count has those that were decoded before it"
        " (reasoning, special tokens). Their time lies in TTFT and not in the interval, so the time"
        " per token is too short: the mirror of a divisor of visible tokens."
    ),
    needs=(
        "Fewer messages than tokens, in rows; a time to the first message that covers the tokens"
        " missing; and a prompt too short, or a floor too high, for any other reading."
    ),
    fix="Divide the interval by the visible tokens, or count TTFT to the first hidden one.",
    rules=(5, 11),
    pitfalls=(5, 18),
    explains=("first-token-included", "reported-differs", "below-floor", "blank-text"),
)
def hidden_tokens(evidence: Evidence) -> Trace | None:
    """Only where nothing else is left; else ``chunk-is-not-a-token`` names both."""
    stream, tpot = evidence.stream, evidence.tpot
    if stream is None or tpot is None:
        return None
    if [one.holds for one in stream.readings] != [Holds.HIDDEN_FIRST]:
        return None
    (reading,) = stream.readings
    hidden = round(stream.tokens - stream.messages)
    text = (
        f"{_counts(stream)}: the other {count(hidden)} were decoded before the first visible one,"
        f" within the mean TTFT of {sec(evidence.ttft or 0.0)}. A token took {ms(reading.token_s)};"
        f" the visible tokens' interval over all tokens makes {ms(tpot)}."
    )
    return Trace(text, tpot / reading.token_s)


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
