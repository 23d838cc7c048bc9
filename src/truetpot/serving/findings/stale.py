"""Values left over from the run before."""

from __future__ import annotations

from truetpot.serving.evidence import Evidence
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import ms
from truetpot.serving.records import Figure, Metric
from truetpot.serving.thresholds import limit

SCALE = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def _digits(figure: Figure) -> int:
    """Significant digits as the file writes the value."""
    written = f"{figure.value / SCALE.get(figure.unit, 1.0):.12g}".partition("e")[0]
    return len(written.replace(".", "").replace("-", "").strip("0"))


@detector(
    "stale-value",
    title="The same values as the run before",
    severity=Severity.ERROR,
    meaning=(
        "Measured times do not repeat to the last digit. The tool keeps the previous value when a"
        " run has too few tokens to make one, or the row was written twice."
    ),
    needs="Several runs in one file.",
    fix="Run the case alone, and see that it makes more than one token.",
    rules=(14,),
    pitfalls=(19,),
)
def stale_value(evidence: Evidence) -> Trace | None:
    """Time per token and TTFT, where there is one, both repeat; and have digits enough."""
    if not evidence.previous:
        return None
    before = {
        (figure.metric, figure.statistic): figure.value for figure in evidence.previous[-1].figures
    }
    same: list[Figure] = []
    for figure in evidence.run.figures:
        key = figure.metric, figure.statistic
        timed = figure.metric in (Metric.TPOT, Metric.E2E_PER_TOKEN, Metric.TTFT)
        if not timed or figure.statistic != "mean" or key not in before or figure.value <= 0:
            continue
        if before[key] != figure.value:
            return None
        same.append(figure)
    if not any(figure.metric is not Metric.TTFT for figure in same):
        return None
    if sum(_digits(figure) for figure in same) < limit("digits"):
        return None
    said = " and ".join(f"{figure.key} = {ms(figure.value)}" for figure in same)
    place = evidence.previous[-1].place
    return Trace(f"{said}, to the last digit as in the run before{f' ({place})' if place else ''}.")
