"""The table of the step's kernels: what each takes, and its share."""

from __future__ import annotations

from truetpot.ladder.roof import Roof
from truetpot.ladder.rungs import at_step_s
from truetpot.ladder.timings import RESIDENT, KernelTiming, StepTimings
from truetpot.records.rungs import OperatorRow
from truetpot.stats import paired


def operator_rows(timings: StepTimings, roof: Roof) -> tuple[OperatorRow, ...]:
    """A row a kernel, the one that takes most first, held against the ceilings."""
    at_step = [at_step_s(timings, one.samples.device_s) for one in timings.kernels]
    total = sum(one.count * s for one, s in zip(timings.kernels, at_step, strict=True))
    rows = [
        _row(one, timings, seconds, total, roof)
        for one, seconds in zip(timings.kernels, at_step, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: -row.share))


def kept_in_cache(timings: StepTimings) -> list[str]:
    """A sentence where kernels alone may be served from a cache, and the step's are not."""
    kept = [
        one
        for one in timings.kernels
        if one.repeats and one.resident_bytes >= RESIDENT and not one.whole_step_cached
    ]
    if not kept:
        return []
    roles = ", ".join(dict.fromkeys(one.role for one in kept))
    said = (
        f"kernels: what {roles} read in the layers that were timed is less than four caches, and "
        "may come from one while they are timed alone; the rung may be too short: time more layers"
    )
    return [said]


def _row(
    kernel: KernelTiming, timings: StepTimings, at_step: float, total: float, roof: Roof
) -> OperatorRow:
    own = kernel.samples.stats
    share = limit = None
    if kernel.rotated:
        least, limit = roof.seconds(kernel.samples.bytes, kernel.samples.operations)
        share = paired(least, kernel.samples.device_s).median
    return OperatorRow(
        op=kernel.op,
        role=kernel.role,
        provider=kernel.provider,
        count=kernel.count,
        median_s=own.median_s,
        ci_s=(own.low_s, own.high_s),
        cv=own.cv,
        share=kernel.count * at_step / total,
        share_of_ceiling=share,
        bytes=kernel.samples.bytes,
        case=kernel.case,
        config=kernel.config,
        at_step_s=at_step,
        origin=kernel.origin,
        origin_case=kernel.origin_case,
        operations=kernel.samples.operations,
        bound_by=limit,
    )
