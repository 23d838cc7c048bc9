"""One run checked: what was reported, what it recomputes to, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from truetpot.records.check import CheckedRun, ServingRow, VisibleCount
from truetpot.records.reported import (
    CountsRow,
    DefinitionRow,
    ReportedRow,
    SettingRow,
    SummaryRow,
    TotalsRow,
)
from truetpot.records.speculation import DraftsRow
from truetpot.records.verdicts import Counting, Metric
from truetpot.serving.findings import Evidence, Finding, find, visible_counts
from truetpot.serving.metrics import Recomputed, Summary, recompute
from truetpot.serving.readers import read
from truetpot.serving.records import Drafts, Run
from truetpot.serving.yardstick import Yardstick

DENOMINATOR = "visible-token-denominator"


@dataclass(frozen=True, eq=False)
class Checked:
    """A run and all that could be said of it."""

    evidence: Evidence
    findings: tuple[Finding, ...]
    """The weightiest first."""
    visible: tuple[VisibleCount, ...]
    """Which counts of visible tokens could explain the figure; where that was found."""

    @property
    def run(self) -> Run:
        """The run as its reader gave it."""
        return self.evidence.run

    @property
    def recomputed(self) -> Recomputed:
        """The figures that were recomputed, by every definition."""
        return self.evidence.recomputed

    def record(
        self, serving: ServingRow, yardstick_from: Sequence[str] = (), file: str | None = None
    ) -> CheckedRun:
        """Seconds, None for what is no number; ``serving`` is what the run was judged.

        ``yardstick_from`` says what the yardstick was made of, or what it lacks.
        """
        run, yardstick = self.run, self.evidence.yardstick
        return CheckedRun(
            file=file,
            yardstick=None if yardstick is None else yardstick.what,
            yardstick_from=list(yardstick_from),
            tool=run.tool,
            variant=run.variant,
            place=run.place,
            reported=_reported(run),
            definitions={m: DefinitionRow(**asdict(d)) for m, d in run.definitions.items()},
            recomputed={
                key: {_name(counting): _summary(s) for counting, s in found.items()}
                for key, found in self.recomputed.summaries.items()
            },
            counts=CountsRow(**_plain(asdict(self.recomputed.counts))),
            totals=TotalsRow(**_plain(asdict(run.totals))),
            setting=SettingRow(**_plain(asdict(run.setting))),
            findings=list(self.findings),
            visible_counts=list(self.visible),
            notes=list(run.notes),
            verdict=serving.verdict,
            serving=serving,
            drafts=None if run.drafts is None else _drafts(run.drafts),
        )


def check_file(
    path: Path, yardstick: Yardstick | None = None, requested_output_tokens: int | None = None
) -> list[Checked]:
    """Every run of a result file. Raises UserError for one that cannot be read."""
    runs = read(path)
    return [
        check_run(run, tuple(runs[:i]), yardstick, requested_output_tokens)
        for i, run in enumerate(runs)
    ]


def check_run(
    run: Run,
    previous: tuple[Run, ...] = (),
    yardstick: Yardstick | None = None,
    requested_output_tokens: int | None = None,
) -> Checked:
    """One run; ``previous`` are those before it in the same file."""
    evidence = Evidence(
        run,
        recompute(run, requested_output_tokens),
        requested_output_tokens=requested_output_tokens,
        yardstick=yardstick,
        previous=previous,
    )
    findings = tuple(find(evidence))
    denominator = any(finding.id == DENOMINATOR for finding in findings)
    return Checked(evidence, findings, tuple(visible_counts(evidence)) if denominator else ())


def _reported(run: Run) -> dict[Metric, dict[str, ReportedRow]]:
    found: dict[Metric, dict[str, ReportedRow]] = {}
    for figure in run.figures:
        row = ReportedRow(value_s=_number(figure.value), key=figure.key, unit=figure.unit)
        found.setdefault(figure.metric, {})[figure.statistic] = row
    return found


def _drafts(drafts: Drafts) -> DraftsRow:
    return DraftsRow(**asdict(drafts) | {"by_position": list(drafts.by_position)})


def _summary(summary: Summary) -> SummaryRow:
    fields = _plain(asdict(summary))
    interval = summary.median_ci
    fields["median_ci"] = None if interval is None else tuple(map(_number, interval))
    fields["percentiles"] = {f"p{p:g}": _number(v) for p, v in summary.percentiles.items()}
    return SummaryRow(**fields)


def _name(counting: Counting | None) -> str:
    return "any" if counting is None else counting.value


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(v) if isinstance(v, float) else v for name, v in fields.items()}


def _number(value: float | None) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if value is not None and math.isfinite(value) else None
