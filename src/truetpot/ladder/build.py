"""The whole ladder from what is known: facts alone, a ceiling, or a timed step."""

from __future__ import annotations

from truetpot.facts.floor import Floor
from truetpot.ladder.communication import communication
from truetpot.ladder.losses import losses, share_of_ceiling
from truetpot.ladder.operators import kept_in_cache, operator_rows
from truetpot.ladder.roof import Roof, Swept, Work
from truetpot.ladder.rungs import (
    Extent,
    ceiling_rung,
    eager_rung,
    kernels_rung,
    spec_rung,
    step_rung,
    swept_rung,
)
from truetpot.ladder.timings import StepTimings
from truetpot.ladder.validity import impossible
from truetpot.records.rungs import Ladder, Rungs


def build_ladder(
    work: Work,
    extent: Extent,
    spec: Floor | None = None,
    swept: Swept | None = None,
    timings: StepTimings | None = None,
) -> Ladder:
    """Every rung that can be had. ``work`` is what a step of all layers must do."""
    lowest = None if spec is None else spec_rung(spec)
    if swept is None or timings is None or timings.rounds == 0:
        ceiling = None if swept is None else swept_rung(work, swept)
        rungs = Rungs(spec=lowest, ceiling=ceiling)
        return Ladder(rungs=rungs, losses=losses(rungs))
    roof = Roof.over(timings, swept)
    rungs = Rungs(
        spec=lowest,
        ceiling=ceiling_rung(timings, extent, work, roof),
        kernels=kernels_rung(timings, extent),
        step=step_rung(timings, extent),
        eager=eager_rung(timings, extent),
    )
    assert rungs.step is not None and rungs.kernels is not None
    warnings = [extent.note] * extent.partial + roof.warnings() + kept_in_cache(timings)
    wrong = impossible(timings, extent, lowest)
    step_ms, kernels_ms = rungs.step.ms_per_token, rungs.kernels.ms_per_token
    return Ladder(
        rungs=rungs,
        losses=losses(rungs),
        share_of_ceiling=share_of_ceiling(rungs),
        operators=operator_rows(timings, roof),
        valid=not wrong,
        warnings=(*warnings, *wrong),
        communication=communication(timings, extent.layered, step_ms, kernels_ms),
    )
