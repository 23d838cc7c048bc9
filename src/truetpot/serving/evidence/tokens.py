"""How many requests there were, and how many output tokens by which count."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from truetpot.serving.evidence.figures import Figures, positive
from truetpot.serving.records import Counting, Ints
from truetpot.serving.speculation import stated_tokens_a_step
from truetpot.serving.thresholds import limit

STOPPED = ("stop", "eos", "eos_token", "end_turn", "stop_sequence")
FULL = ("length", "max_tokens")
"""Finish reasons: by itself, and at the length asked for."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Tokens(Figures):
    """Requests and tokens; None for what cannot be known."""

    requested_output_tokens: int | None = None
    """As the user says; else what the file says is used."""

    @property
    def completed(self) -> int | None:
        """Requests that succeeded; None for none."""
        if self.run.totals.completed is not None:
            return self.run.totals.completed or None
        return int(self.run.requests.ok.sum()) or None if self.run.requests else None

    def column(self, counting: Counting) -> Ints | None:
        """Output tokens of each request [requests] by that count.

        Where every request ended at the length asked for, that is what the server counted: it says
        so by the finish reason.
        """
        requests = self.run.requests
        if requests is None:
            return None
        found = requests.output_tokens.get(counting)
        if found is None and counting is Counting.SERVER and self._whole:
            return requests.output_tokens.get(Counting.REQUESTED)
        return found

    @cached_property
    def _whole(self) -> bool:
        """Whether every successful request has a finish reason, and it is the length."""
        requests = self.run.requests
        if requests is None or requests.finish_reasons is None or not requests.ok.any():
            return False
        pairs = zip(requests.finish_reasons, requests.ok, strict=True)
        return all(reason in FULL for reason, ok in pairs if ok)

    def counts(self, counting: Counting | None = None) -> Ints | None:
        """Output tokens of each successful request that has that count; the tool's own if None."""
        requests = self.run.requests
        column = self.column(counting or requests.counting) if requests else None
        if requests is None or column is None:
            return None
        known = column[requests.ok & (column >= 0)]
        return known if known.size else None

    def tokens(self, counting: Counting | None = None) -> float | None:
        """Mean output tokens of a successful request, by that count (the tool's own if None)."""
        if (counted := self._counted(counting)) is not None:
            return counted
        totals = self.run.totals
        rates = positive(totals.output_tokens_per_s), positive(totals.requests_per_s)
        if counting in (None, self.counting) and rates[0] and rates[1]:
            mean = rates[0] / rates[1]
            return mean if mean <= limit("most_tokens") else None
        return None

    @property
    def counted_tokens(self) -> float | None:
        """The same by the tool's own count, without what only follows from rates."""
        return self._counted(None)

    def _counted(self, counting: Counting | None) -> float | None:
        counts = self.counts(counting)
        if counts is not None:
            return float(counts.mean())
        total = self.run.totals.output_tokens.get(counting or self.counting or Counting.UNSTATED)
        return total / self.completed if total is not None and self.completed else None

    @property
    def requested(self) -> int | None:
        """Output tokens asked for, of each request."""
        asked = self.requested_output_tokens or self.run.setting.output_tokens
        return asked if asked and asked > 0 else None

    def ended(self, *reasons: str) -> float | None:
        """Share of the successful requests with a finish reason that have one of these."""
        requests = self.run.requests
        if requests is None or requests.finish_reasons is None:
            return None
        pairs = zip(requests.finish_reasons, requests.ok, strict=True)
        known = [reason for reason, ok in pairs if ok and reason]
        return sum(reason in reasons for reason in known) / len(known) if known else None

    @property
    def tokens_a_step(self) -> float:
        """As the file states it; 1 where it does not."""
        return stated_tokens_a_step(self.run) or 1.0
