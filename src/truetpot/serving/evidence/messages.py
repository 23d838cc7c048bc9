"""What a streamed message can be, where there are fewer messages than tokens.

A stream of n tokens in c messages, c < n, tells an interval from the first message to the last. How
long a token took depends on what the messages held, and three readings are possible:

- ``alike``: each held n/c tokens, the first too (a server that streams every k-th token);
- ``first alone``: the first held one token, each other (n - 1)/(c - 1) (speculation, multi-step
  scheduling);
- ``hidden first``: each held one token, and n - c were decoded before the first one was visible
  (reasoning, special tokens): then the time to the first message covers them.

The file's own numbers and a floor exclude some of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from truetpot.serving.thresholds import limit

if TYPE_CHECKING:
    from truetpot.serving.evidence.evidence import Evidence

COVERED = 0.9
"""Of the time that hidden tokens take, at least, has to lie before the first message."""
DOUBTFUL = 0.6
"""Below it, it surely does not: that time and the interval are differences of the same clocks."""
HALF = 0.5
"""Between a slope of 0 and one of 1."""
FEWEST = 8
"""Requests for a slope."""
UNLIKE = 0.05
"""Spread of the numbers of hidden tokens over their mean, for a slope."""
NEAR = 3.0
"""Time to the first message over that of the hidden tokens: above it most of it is a prefill."""


class Holds(StrEnum):
    """What the messages of a stream held."""

    ALIKE = "alike"
    FIRST_ALONE = "first alone"
    HIDDEN_FIRST = "hidden first"


@dataclass(frozen=True)
class Reading:
    """One way to read a stream."""

    holds: Holds
    token_s: float
    """Time of one decoded token."""
    tokens_a_message: float


@dataclass(frozen=True)
class Messages:
    """A stream with fewer messages than tokens; means of the requests with a time per token."""

    tokens: float
    messages: float
    interval_s: float
    """From the first message to the last."""
    readings: tuple[Reading, ...]
    """Those that nothing excludes, the likelier first."""

    @property
    def gap_s(self) -> float:
        """Mean time between two messages."""
        return self.interval_s / (self.messages - 1)


def stream(evidence: Evidence) -> Messages | None:
    """None where nothing tells the number of messages, or they are as many as the tokens."""
    if (divided := _divided(evidence)) is not None:
        return divided
    counted = _counted(evidence) or _of_totals(evidence) or _by_means(evidence)
    if counted is None:
        return None
    tokens, chunks, interval = counted
    stated = _as_stated(evidence, tokens, chunks, interval)
    if stated is not None:
        return Messages(tokens, chunks, interval, (stated,))
    gap, hidden = interval / (chunks - 1), tokens - chunks
    alone = Reading(Holds.FIRST_ALONE, interval / (tokens - 1), (tokens - 1) / (chunks - 1))
    alike = Reading(Holds.ALIKE, interval / (tokens - tokens / chunks), tokens / chunks)
    before = Reading(Holds.HIDDEN_FIRST, gap, 1.0)
    covered = (evidence.ttft or 0.0) / (hidden * gap)
    slope = _slope(evidence, gap)
    found = [alike, alone]
    if DOUBTFUL <= covered < COVERED and slope is None:
        found = [alike, alone, before]  # a time to the first message that is a little off
    elif covered >= COVERED and (slope is None or slope > HALF):
        # the nearer the time to the first message is to that of the hidden tokens, the likelier
        found = [before, alike, alone] if covered <= NEAR else [alike, alone, before]
        if slope is not None or (covered <= NEAR and _no_prefill(evidence, gap)):
            found = [before]
    floor = evidence.least_s or 0.0
    possible = tuple(one for one in found if _possible(one, gap, floor))
    return Messages(tokens, chunks, interval, possible or tuple(found))


def _possible(one: Reading, gap: float, floor: float) -> bool:
    """Not below the floor, unless the tokens of a message may be those of one speculative step."""
    if one.token_s >= floor * (1 - limit("rounding")):
        return True
    speculated = one.tokens_a_message <= limit("most_drafted") and gap <= limit("slow_step") * floor
    return one.holds is Holds.FIRST_ALONE and speculated


def _as_stated(
    evidence: Evidence, tokens: float, chunks: float, interval: float
) -> Reading | None:
    """The reading that the file itself tells: so many tokens a step, or a message."""
    several, step = evidence.run.setting.tokens_per_chunk, evidence.tokens_a_step
    found = tokens / chunks, (tokens - 1) / (chunks - 1)
    if several and several > 1 and _near(found[0], several):
        return Reading(Holds.ALIKE, interval / (tokens - found[0]), found[0])
    if step > limit("speculation") and _near(found[1], step):
        return Reading(Holds.FIRST_ALONE, interval / (tokens - 1), found[1])
    return None


def _near(a: float, b: float) -> bool:
    return 1 / limit("pace") < a / b < limit("pace")


def _slope(evidence: Evidence, gap: float) -> float | None:
    """By how many gaps the time to the first message grows with each token that no message holds.

    1 where these were decoded before it, 0 where messages held several. By least squares over the
    requests; None where these have too few of them, or too like ones, to tell.
    """
    requests, timed, counts = evidence.run.requests, evidence.timed, evidence.trusted_counts
    messages = evidence.messages
    if requests is None or timed is None or counts is None or messages is None:
        return None
    hidden = (counts - messages)[timed].astype(np.float64)
    ttft = requests.ttft_s[timed]
    spread, middle = float(hidden.std()), float(hidden.mean())
    if len(hidden) < FEWEST or spread < UNLIKE * abs(middle) or not spread:
        return None
    shared = np.mean((hidden - middle) * (ttft - ttft.mean())) / (spread * max(ttft.std(), 1e-12))
    slope = float(shared * ttft.std() / spread / gap)
    # how far off it may be: the scatter of the other causes of the time, queue and prefill
    rest = float(ttft.std() * np.sqrt(max(0.0, 1 - shared**2)))
    error = 2 * rest / (spread * np.sqrt(len(hidden))) / gap
    return slope if error < HALF / 2 or abs(slope - HALF) > error else None


def _counted(evidence: Evidence) -> tuple[float, float, float] | None:
    """Tokens, messages and interval of a request, from rows."""
    requests, timed = evidence.run.requests, evidence.timed
    chunks, interval, counts = evidence.chunks, evidence.decode_interval, evidence.trusted_counts
    if requests is None or timed is None or counts is None or requests.gap_unit_is_token:
        return None
    if chunks is None or interval is None:
        return None
    tokens = float(counts[timed].mean())
    if chunks < 2 or tokens - chunks <= limit("gap_count_slack"):
        return None
    return (tokens, chunks, interval) if tokens >= limit("gap_count") * chunks else None


def _divided(evidence: Evidence) -> Messages | None:
    """Of a tool that divides each gap by its tokens: n - k of them say that the first held k."""
    requests, timed, gaps = evidence.run.requests, evidence.timed, evidence.messages
    interval, counts = evidence.decode_interval, evidence.trusted_counts
    if requests is None or timed is None or not requests.gap_unit_is_token or gaps is None:
        return None
    if counts is None or interval is None:
        return None
    tokens, several = float(counts[timed].mean()), float((gaps[timed] - 1).mean())
    held = tokens - several
    if several <= 0 or held <= 1 + limit("gap_count_slack"):
        return None
    alike = Reading(Holds.ALIKE, interval / several, held)
    return Messages(tokens, max(2.0, tokens / held), interval, (alike,))


def _of_totals(evidence: Evidence) -> tuple[float, float, float] | None:
    """From the tokens a message that the tool counted, and means."""
    several, n = evidence.run.totals.tokens_a_message, evidence.divided_by
    tpot = evidence.after_first
    if not several or several < limit("gap_count") or n is None or tpot is None:
        return None
    chunks, interval = (n - 1) / several + 1, tpot[0] * (n - 1)
    return (n, chunks, interval) if chunks >= 2 else None


def first_gap_is_ttft(evidence: Evidence) -> bool:
    """Whether TTFT is among the gaps, by their mean: it is that of TTFT and all intervals together.

    The median is not touched by one gap of many, and is the time per token still.
    """
    n, ttft, median = evidence.divided_by, evidence.ttft, evidence.itl("median")
    tpot, gap = evidence.tpot, evidence.itl()
    if n is None or ttft is None or tpot is None or gap is None or evidence.tpot_has_first:
        return False
    together = (tpot * (n - 1) + ttft) / n
    if gap < limit("weighting") * tpot or abs(gap / together - 1) > limit("same"):
        return False
    return median is not None and _near(median, tpot)


def _by_means(evidence: Evidence) -> tuple[float, float, float] | None:
    """The same from mean gap, mean time per token and mean length, which weigh requests unlike."""
    requests, n = evidence.run.requests, evidence.divided_by
    tpot, gap = evidence.tpot, evidence.itl()
    if requests is not None and requests.gaps is not None:
        return None
    if tpot is None or gap is None or n is None or evidence.tpot_has_first:
        return None
    if gap < limit("weighting") * tpot or first_gap_is_ttft(evidence):
        return None
    interval = tpot * (n - 1)
    chunks = interval / gap + 1
    return (n, chunks, interval) if chunks > 1 and n - chunks > 0 else None


def _no_prefill(evidence: Evidence, gap: float) -> bool:
    """Whether the first message came later than any prefill: a step for each token of the prompt.

    Only where no request had to wait for another.
    """
    prompt, ttft = evidence.prompt, evidence.ttft
    alone = evidence.batch.high is not None and evidence.batch.high <= 1
    return bool(prompt and ttft and alone and ttft > prompt.value * gap)
