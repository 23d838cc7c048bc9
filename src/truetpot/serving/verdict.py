"""The serving rung: at which batch and context a run decoded, and what its figure is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from truetpot.records.check import ServingRow
from truetpot.records.verdicts import Verdict
from truetpot.serving.check import Checked
from truetpot.serving.evidence import Evidence, Known
from truetpot.serving.evidence.messages import Holds
from truetpot.serving.findings import Severity
from truetpot.serving.findings.visible import OPEN
from truetpot.serving.thresholds import limit

BELOW_FLOOR = "below-floor"
UNHELD = "Nothing in the file speaks against the figure, and nothing is there to hold it against"
ALONE = f"{UNHELD}: name --model and --device, or a --ladder."
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
    """What is judged."""
    reported_from: str = ""
    """``as reported``, or how it was recomputed."""
    batch: Known | None = None
    context: Known | None = None
    floor_s: float | None = None
    """At that batch and context, per token of a sequence."""
    over_floor: float | None = None
    step_s: float | None = None
    """The measured step, likewise."""
    over_step: float | None = None
    """The loss ``serving/step``."""
    step_from: str = ""
    """Which measured step that is."""

    def record(self) -> ServingRow:
        """The record's row, with times in ms per token."""
        return ServingRow(
            verdict=self.verdict,
            why=self.why,
            factor=self.factor,
            batch=None if self.batch is None or self.batch.assumed else self.batch.value,
            batch_range=_range(self.batch),
            batch_from="" if self.batch is None else self.batch.source,
            context=None if self.context is None else self.context.value,
            context_from="" if self.context is None else self.context.source,
            over_floor=self.over_floor,
            over_step=self.over_step,
            reported_ms=_ms(self.reported_s),
            reported_from=self.reported_from,
            floor_ms=_ms(self.floor_s),
            step_ms=_ms(self.step_s),
            step_from=self.step_from or None,
        )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3


def _range(known: Known | None) -> tuple[float, float | None] | None:
    return None if known is None else (known.low, known.high)


def judge(checked: Checked, lacks: Sequence[str] = ()) -> Serving:
    """Hold a run against its yardstick, if it has one, and against its own findings.

    ``lacks`` are sentences on what a yardstick would need.
    """
    evidence = checked.evidence
    judged = evidence.judged
    if judged is None:
        return Serving(Verdict.UNDECIDABLE, "The file has no positive time per token.")
    reported, origin = judged
    batch, context = evidence.batch, evidence.context
    floor, step = evidence.floor_s, evidence.step_at(batch.value)
    verdict, why, factor = _decide(checked, reported, floor, step)
    if why == ALONE and lacks:
        why = f"{UNHELD}. {' '.join(lacks)}"
    return Serving(
        verdict, why, factor, reported, origin, batch, context,
        floor, None if floor is None else reported / floor,
        step, None if step is None else reported / step,
        evidence.step_taken(),
    )  # fmt: skip


def _decide(
    checked: Checked, reported: float, floor: float | None, step: float | None
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
    short = next((f for f in wrong if f.factor and f.factor < 1 and f.id != BELOW_FLOOR), None)
    if short is not None and short.factor:
        why = (
            f"{short.title}: it is {short.factor:.3g} times the true time per token of"
            f" {reported / short.factor * 1e3:,.4g} ms."
        )
        return Verdict.NOT_COMPARABLE, why, None
    seen = any(finding.id == "several-a-step" for finding in checked.findings)
    seen |= evidence.stream is not None and evidence.stream.speculative
    lowest, slowest = evidence.least_s, evidence.slowest or reported
    if not seen and lowest is not None and slowest < lowest * (1 - limit("rounding")):
        return *_below(evidence, lowest), None
    if (doubt := _of_stream(evidence, reported)) is not None:
        return *doubt, None
    if seen or evidence.tokens_a_step > limit("speculation"):
        why = "Several tokens come per step: a time per token is no time per step."
        return Verdict.NOT_COMPARABLE, why, None
    if (gaps := _of_gaps(checked)) is not None:
        return *gaps, None
    if wrong:
        return Verdict.NOT_COMPARABLE, f"{wrong[0].title}: {wrong[0].fix}", None
    if floor is None or evidence.yardstick is None:
        return Verdict.UNDECIDABLE, ALONE, None
    if reported > limit("floor_ratio") * floor and evidence.after_first is None:
        why = "The first token's time is in the figure, and nothing in the file separates it."
        return Verdict.UNDECIDABLE, why, None
    if reported > limit("floor_ratio") * floor:
        why = (
            f"{reported / floor:,.0f} times the floor; the slowest published runs take "
            f"{limit('floor_ratio'):g} at most."
        )
        return Verdict.INFLATED, why, reported / floor
    if step is not None:
        return _beside_step(evidence, reported, step)
    return Verdict.BELIEVABLE, f"{reported / floor:.2f} times the floor, and no error found.", None


def _below(evidence: Evidence, lowest: float) -> tuple[Verdict, str]:
    """What a time below the floor means: nothing is faster than a datasheet."""
    if evidence.yardstick is not None and evidence.yardstick.hard:
        why = f"No token can take less than {lowest * 1e3:.4g} ms, whatever the batch."
        return Verdict.IMPOSSIBLE, why
    why = (
        f"It is below the {lowest * 1e3:.4g} ms that the ladder's own read bandwidth gives, which "
        "is no hard bound: measure the ladder again on the idle machine that served."
    )
    return Verdict.UNDECIDABLE, why


def _of_gaps(checked: Checked) -> tuple[Verdict, str] | None:
    """What a mean means that few gaps make; None where they do not."""
    kinds = {finding.id for finding in checked.findings}
    if "bursts-or-stalls" in kinds:
        why = "Undecided: several tokens come per step, or a few long gaps hold most of the time."
        return Verdict.UNDECIDABLE, why
    median = checked.evidence.itl("median")
    if "stalls" in kinds and median:
        why = (
            f"A few long gaps hold most of the time: half of the steps take {median * 1e3:,.4g} ms"
            " at most, and the mean is no step."
        )
        return Verdict.NOT_COMPARABLE, why
    return None


def _of_stream(evidence: Evidence, reported: float) -> tuple[Verdict, str] | None:
    """What a time per token means where messages held several tokens; None where it is right."""
    readings = evidence.stream.readings if evidence.stream else ()
    paces = sorted(one.token_s for one in readings)
    if all(abs(pace / reported - 1) <= limit("same") for pace in paces):
        return None
    if paces[-1] / paces[0] - 1 <= limit("same"):
        why = f"Messages held several tokens, and a token took {paces[0] * 1e3:,.4g} ms."
        return Verdict.NOT_COMPARABLE, why
    between = f"{paces[0] * 1e3:,.4g} and {paces[-1] * 1e3:,.4g} ms a token"
    if any(one.holds is Holds.ENDED for one in readings):
        why = (
            "Undecided between messages of several tokens and outputs that ended early:"
            f" {between}."
        )
        return Verdict.UNDECIDABLE, why
    if any(one.holds is Holds.HIDDEN_FIRST for one in readings):
        why = f"Undecided between messages of several tokens and hidden ones before: {between}."
        return Verdict.UNDECIDABLE, why
    return Verdict.NOT_COMPARABLE, f"Messages held several tokens: undecided between {between}."


def _beside_step(
    evidence: Evidence, reported: float, step: float
) -> tuple[Verdict, str, float | None]:
    batch = evidence.batch.value
    batches = evidence.yardstick.step_batches if evidence.yardstick else (1,)
    apart = {one: max(batch, one) / min(batch, one) for one in batches}
    measured = min(batches, key=lambda one: apart[one])
    other = apart[measured]
    if other > SAME_BATCH:
        why = f"It decoded {batch:.3g} sequences at once and the ladder's step {measured}."
        return Verdict.NOT_COMPARABLE, why, None
    if step - reported > limit("same") * step:
        why = (
            f"{reported / step:.2f} times the measured step, and above the floor: a faster card or "
            "better kernels than those of the ladder, or a metric."
        )
        return Verdict.BELIEVABLE, why, None
    why = f"{reported / step:.2f} times the measured step: what serving adds, or a metric."
    return Verdict.BELIEVABLE, why, None
