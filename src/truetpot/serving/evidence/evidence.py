"""A run at its operating point, held against a yardstick."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from truetpot.serving.evidence.messages import Messages, stream
from truetpot.serving.evidence.point import OperatingPoint
from truetpot.serving.records import Run


@dataclass(frozen=True, eq=False, kw_only=True)
class Evidence(OperatingPoint):
    """One run and everything it may be held against. What cannot be known is None throughout."""

    previous: tuple[Run, ...] = ()
    """Runs before this one in the same file."""

    @cached_property
    def stream(self) -> Messages | None:
        """What its messages held, where they are fewer than the tokens."""
        return stream(self)

    @property
    def judged(self) -> tuple[float, str] | None:
        """The time per token that is held against a yardstick, and where it is from."""
        if (found := self.after_first) is not None:
            return found
        whole = self.tpot or self.e2e_per_token
        return None if whole is None else (whole, "as reported, the first token in it")

    @property
    def slowest(self) -> float | None:
        """The reported time per token, or the longest that its stream of messages can mean."""
        reported = [self.judged[0]] if self.judged else []
        readings = self.stream.readings if self.stream else ()
        return max([one.token_s for one in readings] + reported, default=None)
