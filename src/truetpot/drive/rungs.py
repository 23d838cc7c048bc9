"""The measured rungs of a ladder at another batch and context."""

from __future__ import annotations

import math

from truetpot.records.decode import DecodeRecord
from truetpot.serving.measured import Measured
from truetpot.serving.yardstick import Yardstick


def rung_s(
    measured: Measured, yardstick: Yardstick, name: str, context: float, batch: float
) -> float | None:
    """``ceiling`` or ``kernels``, in the proportion to the step that the nearest ladder has.

    Seconds per token; None where that ladder lacks the rung or the step.
    """
    if yardstick.step_s is None:
        return None

    def away(record: DecodeRecord) -> tuple[float, float]:
        return abs(math.log(record.batch / max(1.0, batch))), abs(record.context - context)

    rungs = min(measured.records, key=away).rungs
    rung, step = rungs.get(name), rungs.step or rungs.kernels
    if rung is None or step is None:
        return None
    return rung.ms_per_token / step.ms_per_token * yardstick.step_s(context, batch)
