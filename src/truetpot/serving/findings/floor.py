"""The time per token beside what the hardware allows."""

from __future__ import annotations

from truetpot.serving.evidence import Evidence
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.words import count, ms, times
from truetpot.serving.thresholds import limit


@detector(
    "below-floor",
    title="Faster than the weights can be read",
    severity=Severity.ERROR,
    meaning=(
        "A decode step has to read all weights and the cache. A time per token below bytes over"
        " datasheet bandwidth was not measured on this model and card one token a step: several"
        " tokens came per step, the divisor is too large, or model, format or card are others."
    ),
    needs="A floor: model, weight format, device and their number.",
    fix="Check the setting that the floor was taken for; look for speculation and chunk counts.",
    rules=(11,),
    pitfalls=(11,),
)
def below_floor(evidence: Evidence) -> Trace | None:
    """Against one sequence at the mean context: the lowest floor that the run can have.

    Latency / n is bounded too: its first token needs a step as well. Not where messages show that
    several tokens came per step.
    """
    tpot = evidence.slowest
    floor = evidence.least_s
    if tpot is None or floor is None or evidence.yardstick is None:
        return None
    if evidence.stream and evidence.stream.speculative:
        return None
    if tpot >= floor * (1 - limit("rounding")):
        return None
    context = round(evidence.context.low)
    text = (
        f"A token takes {ms(tpot)}, {times(tpot / floor)} of the floor of {ms(floor)}"
        f" ({evidence.yardstick.what}, context {count(context)})."
    )
    return Trace(text, tpot / floor)


@detector(
    "far-above-floor",
    title="Slower than any known server on this hardware",
    severity=Severity.WARNING,
    meaning=(
        "The time per token is so many times its floor, with all admitted sequences decoded in one"
        " batch, that it is more likely no time per token than a slow server."
    ),
    needs="A floor: model, weight format, device and their number.",
    fix="Measure the step itself (truetpot decode); look at the other findings for the divisor.",
    rules=(11,),
    pitfalls=(1, 15),
)
def far_above_floor(evidence: Evidence) -> Trace | None:
    """Against the largest batch that the file allows: the highest floor."""
    tpot = None if evidence.after_first is None else evidence.after_first[0]
    admitted = [n for n in (evidence.admitted, evidence.completed) if n]
    batch = float(min(admitted, default=1))
    floor = evidence.floor_at(batch)
    if tpot is None or floor is None or tpot < limit("floor_ratio") * floor:
        return None
    text = f"A token takes {ms(tpot)}, {times(tpot / floor)} times the floor of {ms(floor)}"
    return Trace(f"{text} at batch {count(batch)}.", tpot / floor)
