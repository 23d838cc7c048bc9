"""Seconds taken for milliseconds, or the other way round."""

from __future__ import annotations

import math

from truetpot.serving.evidence import Evidence
from truetpot.serving.findings.agreement import expected_tpot, own_means
from truetpot.serving.findings.finding import Severity, Trace, detector
from truetpot.serving.findings.throughput import decoding
from truetpot.serving.findings.words import count, ms, times
from truetpot.serving.thresholds import limit


def slip(evidence: Evidence) -> tuple[float, str] | None:
    """By how much a figure is off, if that is a power of a thousand; with the comparison."""
    for metric, reported, recomputed in own_means(evidence):
        if scale := _power(reported / recomputed, limit("unit")):
            said = f"Mean {metric.name} is {ms(reported)} as reported and {ms(recomputed)} by"
            return scale, f"{said} the rows"
    expected, tpot = expected_tpot(evidence), evidence.tpot
    if expected and tpot and (scale := _power(tpot / expected[0], limit("same"))):
        return scale, f"Mean TPOT is {ms(tpot)}, and {expected[1]} gives {ms(expected[0])}"
    return None


def _power(ratio: float, tolerance: float) -> float | None:
    exponent = round(math.log10(ratio) / 3)
    scale = 1000.0**exponent
    return scale if exponent and abs(ratio / scale - 1) <= tolerance else None


@detector(
    "wrong-unit",
    title="A figure is in another unit than its name says",
    severity=Severity.ERROR,
    meaning=(
        "A value is off by a thousand or a million: some tools write seconds under the names that"
        " others use for milliseconds, and converters mix them."
    ),
    needs=(
        "A reported mean beside rows, or beside mean latency and count; or throughput and a limit"
        " of concurrency; or a floor."
    ),
    fix="Convert by hand and report the key and the tool's version.",
    rules=(12, 10, 11),
    explains=(
        "below-floor",
        "chunk-is-not-a-token",
        "chunks-counted-as-tokens",
        "first-chunk-is-no-token",
        "littles-law",
        "longer-than-the-run",
        "reported-differs",
        "tpot-itl-disagree",
    ),
)
def wrong_unit(evidence: Evidence) -> Trace | None:
    """Rows, then means, then Little's law upwards and the floor downwards."""
    if found := slip(evidence):
        return Trace(f"{found[1]}: {times(found[0])} times.", found[0])
    tpot = evidence.tpot
    if tpot is None:
        return None
    if law := decoding(evidence):
        sequences, most, _ = law
        exponent = math.floor(math.log10(max(1.0, sequences / most / limit("little"))) / 3 + 1)
        scale = 1000.0**exponent
        if sequences > limit("little") * most and sequences / scale >= limit("busy") * most:
            text = (
                f"Mean TPOT {ms(tpot)} times the throughput makes {count(round(sequences))}"
                f" sequences decoded at once, where {count(most)} were admitted, {times(scale)}"
                " times too many."
            )
            return Trace(text, scale)
    floor = evidence.least_s
    low = floor and tpot < limit("far_below") * floor
    if floor and low and floor <= 1000 * tpot <= limit("floor_ratio") * floor:
        text = (
            f"Mean TPOT {ms(tpot)} is {times(floor / tpot)} times below the floor of {ms(floor)}; a"
            f" thousand times as much, {ms(1000 * tpot)}, would be above it."
        )
        return Trace(text, 0.001)
    return None
