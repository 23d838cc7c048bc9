"""What a run reports, and what the same figures are by its own rows and totals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from truetpot.serving.metrics.summary import Recomputed, Summary
from truetpot.serving.records import Counting, Metric, Run

AFTER_FIRST = ("tpot_per_request", "tpot_token_weighted")
"""Definitions (latency - TTFT) / (n - 1)."""
WITH_FIRST = ("e2e_per_token", "tpot_with_first")
"""Definitions latency / n."""
GAPS = ("itl_per_chunk", "itl_per_token")
"""Definitions that pool times between chunks."""
SMALLEST, LARGEST = 1e-12, 1e12


@dataclass(frozen=True, eq=False)
class Figures:
    """Times of a run, in seconds; what cannot be known is None throughout."""

    run: Run
    recomputed: Recomputed

    def figure(self, metric: Metric, statistic: str = "mean") -> float | None:
        """As reported, in seconds, if it is a positive number."""
        return positive(self.run.figure(metric, statistic))

    def reports(self, metric: Metric) -> bool:
        """Whether the tool gives any figure of it."""
        return any(figure.metric is metric for figure in self.run.figures)

    def canonical(self, metric: Metric) -> str:
        """Key of the definition that the tool means, "" for none; what the name promises where the
        run has no definition."""
        if definition := self.run.definitions.get(metric):
            return definition.canonical
        defaults = {Metric.TPOT: AFTER_FIRST[0], Metric.ITL: GAPS[0]}
        return defaults.get(metric, metric.value)

    @cached_property
    def per_token(self) -> Metric:
        """The metric in which the tool reports a time per token after the first one.

        Some call it ITL. TPOT where there is none: then it may hold the first token too.
        """
        for metric in (Metric.TPOT, Metric.ITL):
            if self.canonical(metric) in AFTER_FIRST and self.reports(metric):
                return metric
        return Metric.TPOT

    @cached_property
    def counting(self) -> Counting | None:
        """How the tokens were counted that the tool divides by."""
        if self.run.requests:
            return self.run.requests.counting
        counted = self.run.totals.output_tokens
        definition = self.run.definitions.get(self.per_token)
        if definition and (definition.counting in counted or not counted):
            return definition.counting
        return next(iter(counted), None)

    def tpot_statistic(self, statistic: str) -> float | None:
        """Of the time per token: as reported, if the tool means one of the canonical definitions;
        of a tool that reports none or has a formula of its own, from the rows."""
        definition, reported = self.canonical(self.per_token), self.reports(self.per_token)
        if definition and reported:
            return self.figure(self.per_token, statistic)
        definition = definition or AFTER_FIRST[0]
        own = _of(self.recomputed.find(definition, self.counting), statistic)
        # totals and means give the mean over tokens only
        weighed = self.recomputed.find(AFTER_FIRST[1], self.counting)
        own = own or (_of(weighed, statistic) if definition in AFTER_FIRST else None)
        return own or (self.figure(self.per_token, statistic) if reported else None)

    @property
    def tpot(self) -> float | None:
        """The reported mean TPOT, in seconds; None without one."""
        return self.tpot_statistic("mean")

    @property
    def tpot_has_first(self) -> bool:
        """True where that is latency / n."""
        return self.canonical(self.per_token) in WITH_FIRST

    def recomputed_mean(self, definition: str) -> float | None:
        """Of a time per token, by the tool's own count."""
        return _of(self.recomputed.find(definition, self.counting), "mean")

    @property
    def e2e_per_token(self) -> float | None:
        """Mean of latency / n: as reported, else from the rows."""
        return self.figure(Metric.E2E_PER_TOKEN) or self.recomputed_mean(WITH_FIRST[0])

    def itl(self, statistic: str = "mean") -> float | None:
        """Of the gaps between chunks: as reported; of a tool that reports none, from the gaps."""
        if self.canonical(Metric.ITL) in GAPS and self.reports(Metric.ITL):
            return self.figure(Metric.ITL, statistic)
        return _of(self.recomputed.find(GAPS[0]), statistic)

    @property
    def ttft(self) -> float | None:
        """Mean: as reported, else from the rows."""
        return self.figure(Metric.TTFT) or _of(self.recomputed.find("ttft"), "mean")

    @property
    def latency(self) -> float | None:
        """Mean from sending to the end: as reported, else from the rows."""
        return self.figure(Metric.E2E) or _of(self.recomputed.find("e2e"), "mean")

    @property
    def duration_s(self) -> float | None:
        """Reported duration of the run, in seconds; None without one."""
        return positive(self.run.totals.duration_s)


def positive(value: float | None) -> float | None:
    """The value if it can be a time or a rate: above zero, and of no absurd size.

    Ratios of what passes are finite. What does not is for the detectors of values.
    """
    return value if value is not None and SMALLEST < value < LARGEST else None


def _of(summary: Summary | None, statistic: str) -> float | None:
    if summary is None:
        return None
    if statistic.startswith("p"):
        return positive(summary.percentiles.get(float(statistic[1:])))
    return positive(getattr(summary, statistic))
