"""A serving run as it happened: what the server decoded and when, and what reached the client.

Times are seconds since the client started its clock. A stream is a sequence of messages; each holds
`tokens` tokens, of which the client's tokenizer finds `shown` again in the text. A mechanism is a
change of the stream, a writer in ``tools/`` is one client's arithmetic on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pace:
    """How fast the server is."""

    base_s: float
    """A decode step of one sequence with an empty cache."""
    per_sequence: float
    """What each further sequence of the batch adds, as a share of that."""
    per_context: float
    """What each token in the cache adds, as a share of that."""
    noise: float
    """Standard deviation of a step, as a share of it."""
    prefill_s: float
    """Of one prompt token."""

    def step_s(self, context: float, batch: float) -> float:
        """One decode step without its noise."""
        return self.base_s * (1 + self.per_sequence * (batch - 1) + self.per_context * context)


@dataclass(frozen=True)
class Scenario:
    """What a client asks for."""

    prompts: NDArray[np.int64]
    """Tokens of each prompt."""
    outputs: NDArray[np.int64]
    """Tokens that each request decodes."""
    lengths: str
    """``fixed``, ``uniform`` (drawn by the client), or ``log-normal`` (those of a data set's
    answers, asked for as they are). No answer ends by itself."""
    pace: Pace
    concurrency: int | None = None
    """Requests under way at any time, a new one as soon as one ends; None for an open loop."""
    rate: float = math.inf
    """Of a Poisson process, requests a second; infinite where all are sent at once."""
    tokens_a_step: float = 1.0
    """Mean tokens that a step gives a sequence; above 1 with speculative decoding."""
    blocking: bool = False
    """Whether a prefill keeps the sequences that decode waiting."""
    cached: float = 0.0
    """Share of each prompt that the server finds in its cache."""


@dataclass(frozen=True)
class Request:
    """One request."""

    prompt: int
    asked: int
    """Output tokens at most."""
    sent: float
    began: float
    """When the server took it up: its prefill starts."""
    first: float
    """When its first token was there."""
    last: float
    """When its last token was there."""
    decoded: int
    steps: int
    """Decode steps after the first token."""
    at: Array
    """When each message came [messages]."""
    tokens: NDArray[np.int64]
    """In each message; 0 in one that only names a role, say [messages]."""
    shown: NDArray[np.int64]
    """Tokens that its text is tokenised to; 0 for no text [messages]."""
    done: float
    """When the stream ended: ``[DONE]``."""
    cached: int = 0
    """Tokens of the prompt that were in the server's cache."""
    phase: str = "profiling"
    """Or ``warmup``."""

    @property
    def text_at(self) -> Array:
        """When the messages with text came."""
        return self.at[self.shown > 0]

    @property
    def visible(self) -> int:
        """Tokens of the text, tokenised again."""
        return int(self.shown.sum())


@dataclass(frozen=True)
class Truth:
    """What a checker of the file should come to."""

    mechanism: str
    token_s: float
    """Time per token of a sequence after its first: the sum of intervals over that of tokens."""
    step_s: float
    """A decode step without the waits between two, weighted by its sequences."""
    batch: float
    """Sequences in a decode step, mean over the time that steps took."""
    tokens_batch: float
    """The same, mean over the tokens: how many were decoded beside one."""
    prompt_tokens: float
    output_tokens: float
    """Decoded, mean over requests."""
    pace: Pace


@dataclass(frozen=True)
class Served:
    """A whole run."""

    scenario: Scenario
    requests: tuple[Request, ...]
    """In the order they were sent."""
    batch: float
    tokens_batch: float
    step_s: float
    """As in Truth, all three."""
    duration: float
    """Until the client stopped its clock."""
    clients_fault: frozenset[str] = frozenset()
    """Mechanisms that are the client's own arithmetic; the writers know theirs."""

    def fault(self, name: str) -> bool:
        """Whether the client has it."""
        return name in self.clients_fault

    def truth(self, mechanism: str) -> Truth:
        """Of the requests that are no warm-up."""
        run = self.measured
        spans = sum(r.last - r.first for r in run)
        return Truth(
            mechanism=mechanism,
            token_s=spans / max(1, sum(r.decoded - 1 for r in run)),
            step_s=self.step_s,
            batch=self.batch,
            tokens_batch=self.tokens_batch,
            prompt_tokens=sum(r.prompt for r in run) / len(run),
            output_tokens=sum(r.decoded for r in run) / len(run),
            pace=self.scenario.pace,
        )

    @property
    def measured(self) -> tuple[Request, ...]:
        """Without the warm-up."""
        return tuple(r for r in self.requests if r.phase == "profiling")

    @property
    def input_tokens(self) -> int:
        """Of all requests."""
        return sum(r.prompt for r in self.measured)
