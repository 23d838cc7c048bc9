"""How many tokens a request decoded, how long its prompt was, and what follows for the context."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.serving.evidence.intervals import Intervals
from truetpot.serving.evidence.known import Known
from truetpot.serving.records import Counting

AS_ASKED = "as asked for"
"""Of decoded tokens: nobody counted them."""
COUNTED = "the file's count"
BY_TIMES = "by the interval over the time per token"
"""Of a file without any count."""


@dataclass(frozen=True)
class Decoded:
    """How many tokens a request really decoded, and who says so."""

    tokens: float
    source: str


def decoded(evidence: Intervals) -> Decoded | None:
    """By something other than the tool's divisor: the server's count, else as asked for, else one
    for each chunk of retokenised text. None where the divisor says as much: it was counted then.
    """
    n = evidence.tokens() or 0.0
    if evidence.counting is not Counting.SERVER:
        server = evidence.tokens(Counting.SERVER)
        if server and server > n:
            return Decoded(server, "the server's count")
    if evidence.requested and evidence.requested > n:
        return Decoded(float(evidence.requested), AS_ASKED)
    streamed = evidence.chunks
    if streamed and streamed > n and evidence.counting is Counting.RETOKENISED:
        return Decoded(streamed, "streamed messages")
    return None


def output_length(evidence: Intervals) -> Known | None:
    """Tokens that a request decoded, mean; low is the least that any count says."""
    more, counted = decoded(evidence), evidence.divided_by or evidence.tokens()
    if counted is None and more is None:
        return None
    if more is None:
        assert counted is not None
        return Known.exactly(counted, _source(evidence))
    low = min(counted or 2.0, more.tokens)
    # stopped early and counted right, or decoded whole and counted short: both are possible
    value = counted if counted and _believed(evidence, more) else more.tokens
    return Known(value, low, more.tokens, COUNTED if value == counted else more.source)


def _source(evidence: Intervals) -> str:
    if evidence.tokens() is None:
        return BY_TIMES
    return AS_ASKED if evidence.counting is Counting.REQUESTED else COUNTED


def _believed(evidence: Intervals, more: Decoded) -> bool:
    """Whether a count below what was asked for is the one to go by: the server made it."""
    return more.source == AS_ASKED and evidence.counting is Counting.SERVER


def prompt_length(evidence: Intervals) -> Known | None:
    """Tokens in the cache when the first token comes, mean; None where the file does not say."""
    run, depth = evidence.run, evidence.run.setting.depth
    if depth is not None:
        return Known.exactly(float(depth), f"a depth of {depth:,} tokens")
    if requests := run.requests:
        known = requests.prompt_tokens[requests.ok & (requests.prompt_tokens >= 0)]
        if known.size:
            mean = float(known.mean())
            return Known.exactly(mean, f"the prompt's {mean:,.6g} tokens")
    if run.totals.input_tokens and evidence.completed:
        mean = run.totals.input_tokens / evidence.completed
        return Known.exactly(mean, f"the prompt's {mean:,.6g} tokens")
    if asked := run.setting.input_tokens:
        return Known.exactly(float(asked), f"the {asked:,} tokens asked for as the prompt")
    if drawn := run.setting.input_range:
        least, most = drawn
        said = f"a prompt of at most the {most:,} tokens asked for"
        return Known(float(most), float(least), float(most), said)
    return None


def mean_context(prompt: Known | None, output: Known | None) -> Known:
    """Mean length of the cache over the decode steps of a request; the first token is prefill's.

    What is unknown counts as nothing, which only lowers a floor, and the sentence says so.
    """
    half, low, high = 0.0, 0.0, None
    if output is not None:
        half, low = steps_mean(output.value), steps_mean(output.low)
        high = None if output.high is None else steps_mean(output.high)
        said = f"half of {output.value:,.6g} generated ({output.source})"
    else:
        said = "nothing says how many tokens were generated"
    if prompt is None:
        unknown = f"{said}; the prompt's length is unknown, and counts as nothing"
        return Known(half, low, None, unknown, assumed=output is None)
    both = f"{prompt.source} and {said}" if output else f"{prompt.source} alone: {said}"
    value = prompt.value + half
    return Known(value, prompt.low + low, None if high is None else prompt.value + high, both)


def steps_mean(tokens: float) -> float:
    """Tokens that a request has generated when one of its decode steps begins, mean."""
    return max(0.0, (tokens - 2) / 2)
