"""Time a decode step whole and each of its kernels alone, in one race with the ceiling.

A round takes one whole step (captured in a graph, and eager, where the device has graphs), one
sweep of each kernel over all layers (every call with the next layer's own weights and cache, so
nothing is served from a cache), and one ceiling sample. The ladder's rungs are then ratios of times
that lie next to each other.
"""

from __future__ import annotations

from collections.abc import Callable

from truetpot.decode.engine import DecodeStep, KernelUse
from truetpot.ladder import KernelTiming, StepTimings
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.entrant import Entrant
from truetpot.measure.race import race
from truetpot.ops.guard import who
from truetpot.runtime.distributed import agreed
from truetpot.runtime.group import Group
from truetpot.stats import Samples, StopRule

STEP_RULE = StopRule(noise=0.01, seconds=60.0, min_samples=10, warmup_s=1.0)


def time_step(
    step: DecodeStep,
    ceiling: Ceiling,
    must_move: int,
    rule: StopRule = STEP_RULE,
    floor_s: float | None = None,
    on_round: Callable[[float], None] | None = None,
    on_start: Callable[[StepTimings], None] | None = None,
) -> StepTimings:
    """``must_move``: bytes that the step has to read, as :func:`truetpot.facts.traffic` counts.

    The ceiling of operations takes part where they may bound one of the kernels.

    ``on_start`` is given what is returned at the end, before the first sample is in it. A kernel
    that raises ends the race: it is the ``fault`` of its entrant, or of the step.
    """
    ranks = step.shape.collectives
    suspects = " or ".join(dict.fromkeys(filter(None, (who(one.kernel) for one in step.bound))))

    def whole(name: str, *, eager: bool) -> Entrant:
        return Entrant(
            name, [step.run], bytes=must_move, floor_s=floor_s, elapsed=True, eager=eager,
            together=ranks, suspects=suspects, also=lambda: step.state.values["logits"],
        )  # fmt: skip

    captured, submitted = whole("step", eager=False), whole("eager step", eager=True)
    top = ceiling.entrant(must_move)
    cache = agreed.cache_bytes(step.device)
    alone = [(use, _alone(use)) for use in step.calls_by_kernel()]
    entrants = [captured, *(entrant for _, entrant in alone), top]
    if agreed.graphs(step.device):
        entrants.append(submitted)
    kernels = [_timing(use, entrant, cache, must_move) for use, entrant in alone]
    timings = StepTimings(captured, kernels, top, backend=step.device.group.backend)
    # all are asked about: the ranks ask together
    near = [_operations_near(entrant, ceiling, step.device.group) for _, entrant in alone]
    if any(near) and ceiling.gemm is not None:
        timings.gemm = ceiling.gemm.entrant()
        entrants.append(timings.gemm)
    if on_start is not None:
        on_start(timings)
    # a step without one of its kernels is none: the rest would be timed for nothing
    timings.finished = race(entrants, step.device, rule, on_round, lambda lost: False)
    if captured.captured is not None or submitted.fault:
        timings.eager = submitted
    return timings


def _alone(use: KernelUse) -> Entrant:
    """One kernel, a sample going over all layers."""
    return Entrant(
        use.role,
        use.calls,
        bytes=use.op.bytes(use.case),
        operations=use.op.flops(use.case),
        per_sample=len(use.calls),
        elapsed=use.op.collective,  # no rank may decide by itself to run it once more
        together=use.op.collective,
        kernel=use.kernel,
    )


def _operations_near(one: Samples, ceiling: Ceiling, group: Group) -> bool:
    gemm = ceiling.gemm
    return gemm is not None and gemm.may_bound(
        one.bytes, one.operations, ceiling.bandwidth, group
    )


def _timing(use: KernelUse, samples: Samples, cache_bytes: int, step_bytes: int) -> KernelTiming:
    """What the ladder has to know of a kernel, beside its samples."""
    return KernelTiming(
        samples,
        use.role,
        use.op.name,
        use.provider,
        use.case.label(),
        use.count,
        use.kernel.parameters,
        use.kernel.choice.origin,
        use.kernel.choice.of_case,
        layered=use.layered,
        collective=use.op.collective,
        resident_bytes=use.op.resident_reads(use.case),
        different=len(use.calls),
        cache_bytes=cache_bytes,
        step_bytes=step_bytes,
        payload_bytes=use.op.payload_bytes(use.case),
    )
