"""What cannot be true: one impossible sample makes the whole run invalid."""

from __future__ import annotations

from truetpot.ladder.rungs import Extent
from truetpot.ladder.timings import StepTimings
from truetpot.records.rungs import Rung


def impossible(timings: StepTimings, extent: Extent, spec: Rung | None) -> list[str]:
    """A sentence for each contradiction; empty for a valid run.

    Only a whole step is held against ``spec``: what some layers take is an extrapolation.
    """
    found = [f"{one.name}: {why}" for one in timings.everything if (why := one.impossible())]
    fastest = min(timings.step.device_s) * 1e3
    if spec is not None and not extent.partial and fastest < spec.ms_per_token:
        found.append(
            f"a step took {fastest:.3f} ms and no less than {spec.ms_per_token:.3f} ms is possible"
        )
    return [f"INVALID RUN: {why}" for why in found]
