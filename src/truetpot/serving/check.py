"""One run checked: what was reported, what it recomputes to, and what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from truetpot.serving.findings import Evidence, Finding, VisibleCount, find, visible_counts
from truetpot.serving.metrics import Recomputed, Summary, recompute
from truetpot.serving.readers import read
from truetpot.serving.records import Run
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
        """What was read."""
        return self.evidence.run

    @property
    def recomputed(self) -> Recomputed:
        """By every definition."""
        return self.evidence.recomputed

    def to_json(self) -> dict[str, Any]:
        """``tool, reported, recomputed, counts, findings``; seconds, null for what is no number."""
        return {
            "tool": self.run.tool,
            "variant": self.run.variant,
            "place": self.run.place,
            "reported": _reported(self.run),
            "definitions": {m.value: asdict(d) for m, d in self.run.definitions.items()},
            "recomputed": {
                key: {_name(counting): _summary(s) for counting, s in found.items()}
                for key, found in self.recomputed.summaries.items()
            },
            "counts": _plain(asdict(self.recomputed.counts)),
            "totals": _plain(asdict(self.run.totals)),
            "setting": _plain(asdict(self.run.setting)),
            "findings": [_plain(asdict(finding)) for finding in self.findings],
            "visible_counts": [_plain(asdict(row)) for row in self.visible],
            "notes": list(self.run.notes),
        }


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
        run, recompute(run, requested_output_tokens), yardstick, requested_output_tokens, previous
    )
    findings = tuple(find(evidence))
    denominator = any(finding.id == DENOMINATOR for finding in findings)
    return Checked(evidence, findings, tuple(visible_counts(evidence)) if denominator else ())


def _reported(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for figure in run.figures:
        of_metric = found.setdefault(figure.metric.value, {})
        of_metric[figure.statistic] = {
            "value_s": _number(figure.value), "key": figure.key, "unit": figure.unit
        }  # fmt: skip
    return found


def _summary(summary: Summary) -> dict[str, Any]:
    flat = _plain(asdict(summary))
    flat["percentiles"] = {f"p{p:g}": _number(v) for p, v in summary.percentiles.items()}
    return flat


def _name(counting: Any) -> str:
    return "any" if counting is None else str(counting.value)


def _plain(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(getattr(k, "value", k)): _value(v) for k, v in values.items()}


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, tuple | list):
        return [_value(v) for v in value]
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if math.isfinite(value) else None
