"""The record of ``truetpot check``: what a serving result says, and what it is worth.

What a file says is kept as it says it, however absurd: these numbers have no ranges. A value that
is no number (NaN, an infinity) is null.
"""

from __future__ import annotations

from typing import Literal

from msgspec import field

from truetpot.records.opening import Named, Part
from truetpot.records.reported import (
    CountsRow,
    DefinitionRow,
    ReportedRow,
    Said,
    SettingRow,
    SummaryRow,
    TotalsRow,
)
from truetpot.records.speculation import DraftsRow, PairRow
from truetpot.records.verdicts import Metric, Severity, Verdict


class Finding(Part, frozen=True, kw_only=True):
    """What is wrong with one run; [findings.md](findings.md) has all of them."""

    id: str
    severity: Severity
    title: str
    evidence: str
    """With the numbers of this file."""
    factor: Said
    """A reported per-token time over the true one: above 1 inflated, below 1 too short."""
    fix: str


class VisibleCount(Part, frozen=True, kw_only=True):
    """A count of visible tokens that would make the reported time per token."""

    n: int
    interval_s: float
    """From the first token to the end."""
    implied_s: float
    """Per decoded token."""
    standing: str
    """`open`, or `excluded: ...`."""
    why: str


class ServingRow(Part, frozen=True, kw_only=True):
    """The rung `serving` of one run; null for what cannot be known."""

    verdict: Verdict
    why: str
    factor: Said
    """Reported over true, where inflated."""
    batch: Said
    """Sequences decoded at once, on the average."""
    batch_from: str
    """How it was found, in words."""
    batch_range: tuple[float, float | None] | None = None
    """Least and most that it can be; null where nothing bounds it from above."""
    context: Said
    context_from: str
    over_floor: Said
    over_step: Said
    """The loss `serving/step`."""
    reported_ms: Said
    """What is judged: the mean time per token without the first one, where it can be had."""
    floor_ms: Said
    """At that batch and context, per token of a sequence."""
    step_ms: Said
    """The measured step, likewise."""
    reported_from: str | None = None
    """`as reported`, or how it was recomputed."""
    step_from: str | None = None
    """Which measured step `step_ms` is of: of a sweep the one nearest in batch, then in context."""


class CheckedRun(Part, frozen=True, kw_only=True):
    """One run of the file."""

    tool: str
    variant: str
    """Which of the tool's formats or ages."""
    place: str
    """Where in the file, if it has several."""
    reported: dict[Metric, dict[str, ReportedRow]]
    """By metric and statistic."""
    definitions: dict[Metric, DefinitionRow]
    """Of the tool's metrics."""
    recomputed: dict[str, dict[str, SummaryRow]]
    """By key of [metrics.md](metrics.md), then by the count divided by, `any` where none is."""
    counts: CountsRow
    totals: TotalsRow
    setting: SettingRow
    findings: list[Finding]
    """The weightiest first."""
    visible_counts: list[VisibleCount]
    """Which counts of visible tokens could explain the figure, where that was found."""
    notes: list[str]
    """What the reader had to decide."""
    verdict: Verdict
    serving: ServingRow
    file: str | None = None
    """Where the run lies."""
    yardstick: str | None = None
    """What the figures are held against."""
    yardstick_from: list[str] = field(default_factory=list)
    """Sentences on what it was made of, or what it lacks: model, card, formats."""
    drafts: DraftsRow | None = None
    """Of speculative decoding, where the file has them."""


class SlopeRow(Part, frozen=True, kw_only=True):
    """How the time per token of a series of runs grows, by least squares."""

    series: str
    """What its runs have in common: tool, model, format, card."""
    over: Literal["depth", "batch"]
    runs: int
    least: float
    """Context, or batch, where the series begins."""
    most: float
    ms_per_step: float
    """For each 1,000 tokens of context, or for each sequence of the batch."""
    ms_at_zero: float
    floor_ms_per_step: Said
    """The same of the floor."""


class CheckRecord(Named, frozen=True, kw_only=True):
    """`truetpot check --json`. What stands beside `runs` is of the run with the worst verdict."""

    kind: Literal["check"] = "check"
    command: str
    """The command that repeats it."""
    file: str
    yardstick: str | None
    """What the figures are held against."""
    tool: str
    variant: str
    place: str
    reported: dict[Metric, dict[str, ReportedRow]]
    definitions: dict[Metric, DefinitionRow]
    recomputed: dict[str, dict[str, SummaryRow]]
    counts: CountsRow
    totals: TotalsRow
    setting: SettingRow
    findings: list[Finding]
    visible_counts: list[VisibleCount]
    notes: list[str]
    verdict: Verdict
    serving: ServingRow
    runs: list[CheckedRun]
    yardstick_from: list[str] = field(default_factory=list)
    """Sentences on what it was made of, or what it lacks: model, card, formats."""
    slopes: list[SlopeRow] = field(default_factory=list)
    """Of the runs that form a series."""
    drafts: DraftsRow | None = None
    pairs: list[PairRow] = field(default_factory=list)
    """Runs with speculative decoding beside the same ones without."""

    @classmethod
    def of(
        cls,
        runs: list[CheckedRun],
        command: str,
        file: str,
        slopes: list[SlopeRow],
        pairs: list[PairRow],
    ) -> CheckRecord:
        """The record of runs; ``file`` is what was given, and stands for that of each run."""
        worst = min(runs, key=lambda run: run.verdict.position)
        names = {*CheckedRun.__struct_fields__} - {"file"}
        fields = {name: getattr(worst, name) for name in names}
        return cls(command=command, file=file, **fields, runs=runs, slopes=slopes, pairs=pairs)
