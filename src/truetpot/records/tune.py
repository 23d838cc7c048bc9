"""The record of ``truetpot tune``: what a search of launch parameters found."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from msgspec import field

from truetpot.records.ceiling import CeilingRow
from truetpot.records.numbers import AtLeastOne, Config, Count, Ratio, Seconds, Share
from truetpot.records.opening import Measured, Part
from truetpot.stats import Comparison, Submitted


class TuneStatus(StrEnum):
    """What became of a search."""

    TUNED = "tuned"
    """Another configuration than the default won."""
    DEFAULT = "default"
    """The default stays."""
    WRONG = "wrong"
    """The default's result is."""
    SKIPPED = "skipped"
    """There is nothing to search, or it cannot run here."""
    LEFT_OUT = "left-out"
    """Another configuration won, and the whole step was not shown to keep its speed with it."""
    PARTIAL = "partial"
    """The search was interrupted."""


class Figures(Part, frozen=True, kw_only=True):
    """One configuration in a race with the default and the read ceiling."""

    config: Config
    reason: str = ""
    """Why it has no time: it does not compile, is wrong, or a sample of it is impossible."""
    median_s: Seconds | None = None
    """Of one call."""
    gain: Ratio | None = None
    """The default's time over this one's, round by round, the median."""
    gain_ci: tuple[Ratio, Ratio] | None = None
    """95 %."""
    share_of_ceiling: Share | None = None
    """Null where the inputs may come out of a cache."""


class Decision(Part, frozen=True, kw_only=True):
    """The fastest finalist against the default alone, on samples that chose nothing."""

    config: Config
    """The finalist's."""
    verdict: Comparison | None = None
    """`faster` is what is kept; null where no process gave a figure."""
    gain: Ratio | None = None
    """The default's time over this one's: the geometric mean of `gains`."""
    gain_ci: tuple[Ratio, Ratio] | None = None
    """Student's interval over the processes, at `confidence`."""
    confidence: Share | None = None
    """0.95, and what the number of finalists asks for beyond it."""
    gains: list[Ratio] = field(default_factory=list)
    """Of each process by itself: the median of the rounds."""
    reason: str = ""
    """What went wrong in a process."""


class Found(Part, frozen=True, kw_only=True):
    """The end of a search."""

    default: Figures
    """In the race of the finalists."""
    best: Figures
    """The default again where nothing was shown to beat it; else with the decision's gain."""
    when: str
    """UTC."""
    decision: Decision | None = None
    """Null where no finalist was faster than the default in their race."""

    @property
    def improved(self) -> bool:
        """Whether another configuration than the default won."""
        return self.best.config != self.default.config


class EntryInStep(Part, frozen=True, kw_only=True):
    """What one entry brings to the whole step."""

    op: str
    provider: str
    case: str
    config: Config
    used: bool = True
    """Whether the step has this kernel."""
    alone: Ratio | None = None
    """The gain of the kernel alone."""
    gain: Ratio | None = None
    """The step's time without it over that with it, all others being there."""
    gain_ci: tuple[Ratio, Ratio] | None = None
    verdict: Comparison | None = None
    """The step with it is `faster`, the `same` within 0.2 %, `slower`, or it is `undecided`."""
    kept: bool = False
    """Whether the interval excludes a loss of 0.2 % of the step."""


class StepDecision(Part, frozen=True, kw_only=True):
    """The whole decode step with the entries, without each, and without any, in the same rounds."""

    submitted: Submitted | None = None
    """As a captured graph, or by the host; null where the step has none of the kernels."""
    layers: AtLeastOne | None = None
    confidence: Share | None = None
    """Of the intervals of the entries."""
    gain: Ratio | None = None
    """The step's time with the defaults over that with what is kept; null if nothing is."""
    gain_ci: tuple[Ratio, Ratio] | None = None
    """95 %."""
    entries: list[EntryInStep] = field(default_factory=list)


class Compiled(Part, frozen=True, kw_only=True):
    """What other processes compiled for a search, in phases of their own between two trials."""

    phases: Count
    """In which nothing is timed."""
    compiled: Count
    """Configurations, those among them that no trial came to."""
    used: Count
    """Trials that found theirs compiled."""


class TunedRow(Part, frozen=True, kw_only=True):
    """The best launch parameters found for one case and provider."""

    op: str
    case: str
    format: str
    """Of the weights; of the activations where there are none."""
    roles: list[str]
    """Of the case in the decode step."""
    provider: str
    status: TuneStatus
    reason: str
    """Of `wrong`, `skipped` and `partial`."""
    when: str | None
    """UTC, of the last race; null without one."""
    default: Figures | None
    """Its figures in the last race."""
    best: Figures | None
    """From the same race."""
    looks: list[Figures]
    """Every other configuration in its short race."""
    decision: Decision | None = None
    """Null where the search found nothing to decide on."""
    compiled: Compiled | None = None
    """Null where nothing was compiled in other processes."""


class TuneRecord(Measured, frozen=True, kw_only=True):
    """What `truetpot tune --json` writes: a search for launch parameters."""

    kind: Literal["tune"] = "tune"
    model: str | None
    """Null with `--shape`."""
    device: str
    """`cpu`, `xpu:0`."""
    file: str
    """Where the entries are kept."""
    ceiling: CeilingRow | None
    results: list[TunedRow]
    warnings: list[str]
    state_after: dict[str, Any]
    """As `environment.state`, at the end."""
    step: StepDecision | None = None
    """Of `--step`; null without it, and where no search found a gain."""
