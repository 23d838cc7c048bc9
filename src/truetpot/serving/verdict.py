"""The serving rung: at which batch and context a run decoded, and what its figure is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from truetpot.records.check import ServingRow
from truetpot.records.verdicts import Verdict
from truetpot.serving.check import Checked
from truetpot.serving.findings import Evidence, Severity
from truetpot.serving.findings.thresholds import limit
from truetpot.serving.findings.visible import OPEN, decoded

SAME_BATCH = 1.25
"""A measured step stands for batches up to this factor away: beyond, bytes alone do not tell."""


@dataclass(frozen=True)
class Serving:
    """The rung ``serving`` of one run. Seconds; None for what cannot be known."""

    verdict: Verdict
    why: str
    factor: float | None = None
    """Reported over true, where inflated."""
    reported_s: float | None = None
    batch: float | None = None
    batch_from: str = ""
    context: float | None = None
    context_from: str = ""
    floor_s: float | None = None
    """At that batch and context, per token of a sequence."""
    over_floor: float | None = None
    step_s: float | None = None
    over_step: float | None = None
    """The loss ``serving/step``."""

    def record(self) -> ServingRow:
        """Times in ms per token."""
        return ServingRow(
            verdict=self.verdict,
            why=self.why,
            factor=self.factor,
            batch=self.batch,
            batch_from=self.batch_from,
            context=self.context,
            context_from=self.context_from,
            over_floor=self.over_floor,
            over_step=self.over_step,
            reported_ms=_ms(self.reported_s),
            floor_ms=_ms(self.floor_s),
            step_ms=_ms(self.step_s),
        )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


def judge(checked: Checked) -> Serving:
    """Hold a run against its yardstick, if it has one, and against its own findings."""
    evidence = checked.evidence
    reported = evidence.tpot or evidence.e2e_per_token
    if reported is None:
        return Serving(Verdict.UNDECIDABLE, "The file has no positive time per token.")
    batch, batch_from = decode_batch(evidence)
    known = decoded(evidence)
    tokens = known.tokens if known else evidence.divided_by or evidence.requested
    context = evidence.context(tokens or 2.0)
    context_from = (
        f"the prompt's {evidence.prompt:g} tokens and half of {tokens:g} generated"
        if tokens
        else "the prompt alone: nothing says how many tokens were generated"
    )
    yardstick = evidence.yardstick
    floor = step = None
    if yardstick is not None:
        floor = yardstick.floor_s(context, batch or 1.0) / evidence.tokens_a_step
        if yardstick.step_s is not None:
            step = yardstick.step_s(context, batch or 1.0)
    verdict, why, factor = _decide(checked, reported, batch, floor, step)
    return Serving(
        verdict, why, factor, reported, batch, batch_from, context, context_from,
        floor, None if floor is None else reported / floor,
        step, None if step is None else reported / step,
    )  # fmt: skip


def decode_batch(evidence: Evidence) -> tuple[float | None, str]:
    """Sequences decoded at once on the average, by Little's law, and how it was found.

    Sum of the requests' times from first token to end over the duration of the run (Little,
    Operations Research 9 (1961), doi 10.1287/opre.9.3.383). No token is counted for that, so a
    wrong count of tokens does not change it.
    """
    requests, rows, duration = evidence.run.requests, evidence.timed, evidence.duration_s
    if evidence.run.setting.batch:
        return float(evidence.run.setting.batch), "the batch that the file states"
    completed = evidence.completed
    if duration is None or completed is None:
        return None, "unknown: no duration in the file; 1 is assumed"
    if requests is not None and rows is not None:
        total = float(np.sum((requests.latency_s - requests.ttft_s)[rows]))
        return max(1.0, total / duration), "Little's law over the requests' own intervals"
    interval = evidence.decode_s
    if interval is None and evidence.tpot and evidence.divided_by:
        interval = evidence.tpot * (evidence.divided_by - 1)
    if interval is None:
        return None, "unknown: no interval in the file; 1 is assumed"
    batch = completed * interval / duration
    admitted = evidence.run.setting.max_concurrency
    most = min(completed, admitted) if admitted else completed
    return min(max(1.0, batch), float(most)), "Little's law over mean interval and duration"


def _decide(
    checked: Checked, reported: float, batch: float | None, floor: float | None, step: float | None
) -> tuple[Verdict, str, float | None]:
    evidence = checked.evidence
    wrong = [f for f in checked.findings if f.severity is Severity.ERROR]
    inflating = next((f for f in wrong if f.factor and f.factor > 1), None)
    if inflating is not None and inflating.factor:
        # several counts could be behind it: the factor is that of the fastest possible pace
        several = sum(row.standing == OPEN for row in checked.visible) > 1
        most = "at most " if several else ""
        why = f"{inflating.title}: {most}{inflating.factor:,.2f} times the true time per token."
        return Verdict.INFLATED, why, inflating.factor
    seen = any(finding.id == "several-a-step" for finding in checked.findings)
    lowest = evidence.floor_s(evidence.divided_by or evidence.requested or 2.0)
    if not seen and lowest is not None and reported < lowest * (1 - limit("rounding")):
        why = f"No token can take less than {lowest * 1e3:.4g} ms, whatever the batch."
        return Verdict.IMPOSSIBLE, why, None
    if seen or evidence.tokens_a_step > limit("speculation"):
        why = "Several tokens come per step: a time per token is no time per step."
        return Verdict.NOT_COMPARABLE, why, None
    if wrong:
        return Verdict.NOT_COMPARABLE, f"{wrong[0].title}: {wrong[0].fix}", None
    if floor is None or evidence.yardstick is None:
        why = (
            "Nothing in the file speaks against the figure, and nothing to hold it against was "
            "given: name --model and --device, or a --ladder."
        )
        return Verdict.UNDECIDABLE, why, None
    if reported > limit("floor_ratio") * floor:
        why = (
            f"{reported / floor:,.0f} times the floor; the slowest published runs take "
            f"{limit('floor_ratio'):g} at most."
        )
        return Verdict.INFLATED, why, reported / floor
    if step is not None:
        return _beside_step(evidence, reported, batch, step)
    return Verdict.BELIEVABLE, f"{reported / floor:.2f} times the floor, and no error found.", None


def _beside_step(
    evidence: Evidence, reported: float, batch: float | None, step: float
) -> tuple[Verdict, str, float | None]:
    measured = evidence.yardstick.step_batch if evidence.yardstick else 1
    other = max(batch or 1.0, measured) / min(batch or 1.0, measured)
    if other > SAME_BATCH:
        why = f"It decoded {batch or 1:.3g} sequences at once and the ladder's step {measured}."
        return Verdict.NOT_COMPARABLE, why, None
    why = f"{reported / step:.2f} times the measured step: what serving adds, or a metric."
    return Verdict.BELIEVABLE, why, None
