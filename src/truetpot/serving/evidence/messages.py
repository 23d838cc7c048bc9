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

if TYPE_CHECKING:
    from truetpot.serving.evidence.evidence import Evidence

FEWER = 1.2
"""Tokens over messages from where on they are fewer: role and finish messages make one or two."""
SLACK = 1.5
"""The same as a number of messages a request."""
COVERED = 0.9
"""Of the time that hidden tokens take, at least, has to lie before the first message."""
NO_PREFILL = 3.0
"""Time to the first message over that of the hidden tokens: above it a prefill explains it better.
"""


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

    def has(self, holds: Holds) -> Reading | None:
        """That reading, if nothing excludes it."""
        return next((one for one in self.readings if one.holds is holds), None)


def stream(evidence: Evidence) -> Messages | None:
    """None where the file does not count messages, or they are as many as the tokens."""
    requests, timed = evidence.run.requests, evidence.timed
    chunks, interval = evidence.chunks, evidence.decode_interval
    if requests is None or timed is None or chunks is None or interval is None:
        return None
    counts = evidence.trusted_counts
    if counts is None or requests.gap_unit_is_token:
        return None
    tokens = float(counts[timed].mean())
    if chunks < 2 or tokens < 2 or tokens - chunks <= SLACK or tokens < FEWER * chunks:
        return None
    gap, hidden = interval / (chunks - 1), tokens - chunks
    alone = Reading(Holds.FIRST_ALONE, interval / (tokens - 1), (tokens - 1) / (chunks - 1))
    alike = Reading(Holds.ALIKE, interval / (tokens - tokens / chunks), tokens / chunks)
    before = Reading(Holds.HIDDEN_FIRST, gap, 1.0)
    ratio = (evidence.ttft or 0.0) / (hidden * gap)
    found = []
    if COVERED <= ratio <= NO_PREFILL:
        found.append(before)
    if not (found and _no_prefill(evidence, gap)):
        found += [alike, alone]
    floor = evidence.least_s or 0.0
    possible = tuple(one for one in found if one.token_s >= floor * (1 - 1e-3))
    return Messages(tokens, chunks, interval, possible or tuple(found))


def _no_prefill(evidence: Evidence, gap: float) -> bool:
    """Whether the first message came later than any prefill: a step for each token of the prompt.

    Only where no request had to wait for another.
    """
    prompt, ttft = evidence.prompt, evidence.ttft
    alone = evidence.batch.high is not None and evidence.batch.high <= 1
    return bool(prompt and ttft and alone and ttft > prompt.value * gap)
