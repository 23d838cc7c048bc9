"""Words of ``truetpot check``: what was measured, how it was counted, and what it is worth."""

from __future__ import annotations

from enum import StrEnum


class Counting(StrEnum):
    """Ways to count the output tokens of a request."""

    SERVER = "server"
    """What the server said it generated (``usage.completion_tokens``, a loadgen's report)."""
    RETOKENISED = "retokenised"
    """The visible text through a tokenizer again."""
    REQUESTED = "requested"
    """What was asked for, whatever came."""
    CHUNKS = "chunks"
    """Streamed messages, each taken for a token."""
    UNSTATED = "unstated"
    """A count that the file gives without saying how it was made."""


class Metric(StrEnum):
    """Quantities that tools report. Which formula a tool means is in its :class:`Definition`."""

    TTFT = "ttft"
    TPOT = "tpot"
    ITL = "itl"
    E2E = "e2e"
    E2E_PER_TOKEN = "e2e_per_token"
    QUEUE = "queue"


class Severity(StrEnum):
    """How much of the result a finding costs. Ordered: info < warning < error."""

    INFO = "info"
    """True and easily misread."""
    WARNING = "warning"
    """A figure means something else than its name says, or covers less than it seems to."""
    ERROR = "error"
    """A figure is wrong."""

    @property
    def position(self) -> int:
        """In the order of severities: 0 is `info`, the least."""
        return list(Severity).index(self)

    def __lt__(self, other: str) -> bool:
        return self.position < Severity(other).position

    def __le__(self, other: str) -> bool:
        return self.position <= Severity(other).position

    def __gt__(self, other: str) -> bool:
        return self.position > Severity(other).position

    def __ge__(self, other: str) -> bool:
        return self.position >= Severity(other).position


class Verdict(StrEnum):
    """What a reported time per token is worth, the worst first."""

    IMPOSSIBLE = "impossible"
    INFLATED = "inflated"
    NOT_COMPARABLE = "not-comparable"
    UNDECIDABLE = "undecidable"
    BELIEVABLE = "believable"

    @property
    def position(self) -> int:
        """In the order of verdicts: 0 is the worst."""
        return list(Verdict).index(self)
