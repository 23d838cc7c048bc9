"""The whole ladder from what is known: facts alone, a ceiling, or a timed step."""

from __future__ import annotations

from dataclasses import dataclass

from truetpot.facts.floor import Floor
from truetpot.ladder.communication import communication
from truetpot.ladder.losses import losses, share_of_ceiling
from truetpot.ladder.operators import operator_rows
from truetpot.ladder.rungs import (
    Extent,
    ceiling_rung,
    eager_rung,
    kernels_rung,
    raised,
    spec_rung,
    step_rung,
    swept_rung,
)
from truetpot.ladder.timings import StepTimings
from truetpot.ladder.validity import impossible
from truetpot.records.rungs import Ladder, Rungs


@dataclass(frozen=True)
class Swept:
    """The read kernel that the sweep found best, and its bytes a second there."""

    provider: str
    bandwidth: float


def build_ladder(
    bound: int,
    extent: Extent,
    spec: Floor | None = None,
    swept: Swept | None = None,
    timings: StepTimings | None = None,
) -> Ladder:
    """Every rung that can be had. ``bound`` is the bytes that a step of all layers must move."""
    lowest = None if spec is None else spec_rung(spec)
    if swept is None or timings is None or timings.rounds == 0:
        ceiling = None if swept is None else swept_rung(bound, swept.bandwidth, swept.provider)
        rungs = Rungs(spec=lowest, ceiling=ceiling)
        return Ladder(rungs=rungs, losses=losses(rungs))
    factor, by = raised(timings)
    rungs = Rungs(
        spec=lowest,
        ceiling=ceiling_rung(timings, extent, bound, factor, swept.provider),
        kernels=kernels_rung(timings, extent),
        step=step_rung(timings, extent),
        eager=eager_rung(timings, extent),
    )
    assert rungs.step is not None and rungs.kernels is not None
    warnings = [extent.note] * extent.partial
    if by:
        warnings.append(
            f"{by} read {factor:.3f} times as fast as the best read kernel of the sweep: the "
            "ceiling is raised to it"
        )
    wrong = impossible(timings, extent, lowest)
    step_ms, kernels_ms = rungs.step.ms_per_token, rungs.kernels.ms_per_token
    return Ladder(
        rungs=rungs,
        losses=losses(rungs),
        share_of_ceiling=share_of_ceiling(rungs),
        operators=operator_rows(timings, factor),
        valid=not wrong,
        warnings=(*warnings, *wrong),
        communication=communication(timings, extent.layered, step_ms, kernels_ms),
    )
