"""Where a run stands, batch, lengths and context, and what a yardstick says of that point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from truetpot.serving.evidence.batch import decode_batch
from truetpot.serving.evidence.figures import AFTER_FIRST, positive
from truetpot.serving.evidence.intervals import Intervals
from truetpot.serving.evidence.known import Known
from truetpot.serving.evidence.lengths import mean_context, output_length, prompt_length
from truetpot.serving.yardstick import Yardstick


@dataclass(frozen=True, eq=False, kw_only=True)
class OperatingPoint(Intervals):
    """One run at its batch and context. What cannot be known is None throughout."""

    yardstick: Yardstick | None = None

    @cached_property
    def batch(self) -> Known:
        """Sequences decoded at once, see :mod:`truetpot.serving.evidence.batch`."""
        return decode_batch(self)

    @cached_property
    def prompt(self) -> Known | None:
        """Tokens in the cache when the first token comes, mean."""
        return prompt_length(self)

    @cached_property
    def length(self) -> Known | None:
        """Tokens that a request decoded, mean."""
        return output_length(self)

    @cached_property
    def context(self) -> Known:
        """Length of the cache, a mean over the decode steps."""
        return mean_context(self.prompt, self.length)

    @property
    def after_first(self) -> tuple[float, str] | None:
        """Mean time per token without the first one, and where it is from.

        As reported where the tool means that; else recomputed from rows, or from mean times. Of a
        file without means, as guidellm prints one, it is the reported median.
        """
        if not self.tpot_has_first and self.tpot:
            return self.tpot, "as reported" if self.reports(self.per_token) else "recomputed"
        n, decode_s = self.divided_by, self.decode_s
        means = decode_s / (n - 1) if n and decode_s else None
        found = next(filter(None, [*map(self.recomputed_mean, AFTER_FIRST), means]), None)
        if found is not None:
            return found, "recomputed without the first token"
        median = None if self.tpot_has_first else self.tpot_statistic("median")
        return None if median is None else (median, "as reported, the median: there is no mean")

    # The yardstick

    @property
    def floor_s(self) -> float | None:
        """Of a token at the run's own batch and context, seconds: what it is held against."""
        return self._floor(self.context.value, self.batch.value)

    @property
    def least_s(self) -> float | None:
        """No decoded token can take less, seconds: one sequence, the shortest likely context, and
        a step that verifies no draft, as some of a run that drafts may be."""
        if self.yardstick is None:
            return None
        floor_s = self.yardstick.plain_floor_s or self.yardstick.floor_s
        return self._a_token(floor_s(self.context.low, 1.0))

    def floor_at(self, batch: float) -> float | None:
        """The same at the run's context and another batch."""
        return self._floor(self.context.value, batch)

    def _floor(self, context: float, batch: float) -> float | None:
        if self.yardstick is None:
            return None
        return self._a_token(self.yardstick.floor_s(context, batch))

    def step_at(self, batch: float) -> float | None:
        """The measured step at the run's context and a batch, seconds of a token that it gives."""
        if self.yardstick is None or self.yardstick.step_s is None:
            return None
        return self._a_token(self.yardstick.step_s(self.context.value, batch))

    def step_taken(self) -> str:
        """Which measured step is held against the run, in words; "" without one."""
        if self.yardstick is None or self.yardstick.step_s is None:
            return ""
        return self.yardstick.step_taken(self.context.value, self.batch.value)

    def _a_token(self, step_s: float) -> float | None:
        return positive(step_s / self.tokens_a_step)
