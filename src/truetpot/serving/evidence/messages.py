"""What a streamed message can be, where there are fewer messages than tokens.

A stream of n tokens in c messages, c < n, tells an interval from the first message to the last. How
long a token took depends on what the messages held, and these readings are possible:

- ``alike``: each held n/c tokens, the first too (a server that streams every k-th token);
- ``first alone``: the first held one token, each other (n - 1)/(c - 1) (speculation, multi-step
  scheduling);
- ``hidden first``: each held one token, and n - c were decoded before the first one was visible
  (reasoning, special tokens): then the time to the first message covers them.

Where n is only the length asked for there is a fourth, ``ended``: each held one token, and the
others never came. The file's own numbers and a floor exclude some of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from truetpot.serving.evidence.came import Came, came
from truetpot.serving.evidence.held import near
from truetpot.serving.evidence.point import OperatingPoint
from truetpot.serving.records import Counting
from truetpot.serving.thresholds import limit

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
    ENDED = "ended"


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
    speculative: bool = False
    """Whether only steps of several tokens are left: one token a step would be below the floor."""

    @property
    def gap_s(self) -> float:
        """Mean time between two messages."""
        return self.interval_s / (self.messages - 1)


def stream(evidence: OperatingPoint) -> Messages | None:
    """None where nothing tells the number of messages, or they are as many as the tokens."""
    found = came(evidence)
    if found is None:
        return None
    stated = _as_stated(evidence, found)
    readings = (stated,) if stated else tuple(_readings(evidence, found))
    gap, floor = found.interval_s / (found.messages - 1), evidence.least_s or 0.0
    steps = all(speculative(one, gap, floor) and one.token_s < floor for one in readings)
    return Messages(found.tokens, found.messages, found.interval_s, readings, steps)


def _readings(evidence: OperatingPoint, found: Came) -> list[Reading]:
    """Those that nothing excludes, the likelier first; all of them where everything is excluded."""
    n, c, interval = found.tokens, found.messages, found.interval_s
    gap = interval / (c - 1)
    alike = Reading(Holds.ALIKE, interval / (n - n / c), n / c)
    alone = Reading(Holds.FIRST_ALONE, interval / (n - 1), (n - 1) / (c - 1))
    several = [alike, alone]
    alone_told = found.first is not None and found.first < np.sqrt(n / c)
    if found.first is not None:
        several = [alone] if alone_told else [_held_first(found)]
    # were the others hidden, the first message would be as long as the rest
    before = several if alone_told else _hidden_first(evidence, found, several)
    if found.asked:
        before = [*before, Reading(Holds.ENDED, gap, 1.0)]
    floor = evidence.least_s or 0.0
    possible = [one for one in before if _possible(one, gap, floor)]
    return possible or before


def _held_first(found: Came) -> Reading:
    """The first message held as many as the others, and the file says how many these are."""
    first = found.first or 1.0
    return Reading(Holds.ALIKE, found.interval_s / (found.tokens - first), first)


def _hidden_first(evidence: OperatingPoint, found: Came, several: list[Reading]) -> list[Reading]:
    """With tokens that were decoded before the first message, where they can have been."""
    hidden, gap = found.tokens - found.messages, found.interval_s / (found.messages - 1)
    before = Reading(Holds.HIDDEN_FIRST, gap, 1.0)
    covered = (evidence.ttft or 0.0) / (hidden * gap)
    if found.stamped or covered < DOUBTFUL or _all_visible(evidence, found):
        return several
    slope = _slope(evidence, gap)
    if covered < COVERED and slope is None:
        return [*several, before]  # a time to the first message that is a little off
    if covered < COVERED or (slope is not None and slope <= HALF):
        return several
    if slope is not None or (covered <= NEAR and _no_prefill(evidence, gap)):
        return [before]
    # the nearer the time to the first message is to that of the hidden tokens, the likelier
    return [before, *several] if covered <= NEAR else [*several, before]


def _all_visible(evidence: OperatingPoint, found: Came) -> bool:
    """Whether the text, tokenised again, has all tokens: those that were hidden are not in it."""
    visible = evidence.tokens(Counting.RETOKENISED)
    return visible is not None and visible * limit("counts") >= found.tokens


def _possible(one: Reading, gap: float, floor: float) -> bool:
    """Not below the floor, unless the tokens of a message may be those of one speculative step."""
    return one.token_s >= floor * (1 - limit("rounding")) or speculative(one, gap, floor)


def speculative(one: Reading, gap: float, floor: float) -> bool:
    """Whether each message may be a step of speculative decoding over this floor of a plain one."""
    few = one.tokens_a_message <= limit("most_drafted")
    return one.holds is Holds.FIRST_ALONE and few and gap <= limit("slow_step") * floor


def _as_stated(evidence: OperatingPoint, found: Came) -> Reading | None:
    """The reading that the file itself tells: so many tokens a step, or a message."""
    interval, several = evidence.run.setting.tokens_per_chunk or 0, evidence.tokens_a_step
    held = (found.tokens - 1) / (found.messages - 1)
    stated = [k for k in (interval, several) if k > limit("speculation") and near(held, k)]
    if not stated:
        return None
    return Reading(Holds.FIRST_ALONE, found.interval_s / (found.tokens - 1), held)


def _slope(evidence: OperatingPoint, gap: float) -> float | None:
    """By how many gaps the time to the first message grows with each token that no message holds.

    1 where these were decoded before it, 0 where messages held several. By least squares over the
    requests; None where these are too few or too like to tell, or where it is neither: a queue that
    grew with the requests makes any slope.
    """
    requests, timed, counts = evidence.run.requests, evidence.timed, evidence.trusted_counts
    messages = evidence.all_messages
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
    error = max(HALF / 2, 2 * rest / (spread * np.sqrt(len(hidden))) / gap)
    nearer, other = sorted((abs(slope), abs(slope - 1)))
    return slope if nearer <= error and other > 2 * error else None


def _no_prefill(evidence: OperatingPoint, gap: float) -> bool:
    """Whether the first message came later than any prefill: a step for each token of the prompt.

    Only where no request had to wait for another.
    """
    prompt, ttft = evidence.prompt, evidence.ttft
    alone = evidence.batch.high is not None and evidence.batch.high <= 1
    return bool(prompt and ttft and alone and ttft > prompt.value * gap)
