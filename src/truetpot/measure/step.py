"""Time a decode step whole and each of its kernels alone, in one race with the ceiling.

A round takes one whole step (captured in a graph, and eager, where the device has graphs), one
sweep of each kernel over all layers (every call with the next layer's own weights and cache, so
nothing is served from a cache), and one ceiling sample. The ladder's rungs are then ratios of times
that lie next to each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from truetpot.decode.engine import DecodeStep, KernelUse
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.race import Entrant, race
from truetpot.ops.guard import who
from truetpot.stats import Stats, StopRule, stats

STEP_RULE = StopRule(noise=0.01, seconds=60.0, min_samples=10, warmup_s=1.0)


@dataclass
class KernelTiming:
    """One kernel of the step; a sample is its mean time over all layers."""

    use: KernelUse
    entrant: Entrant
    cold: bool = True
    """Whether the step reads so much that a cache has nothing left of it in the next round."""

    @property
    def rotated(self) -> bool:
        """Whether its calls read weights or caches large enough to come from memory."""
        if not self.cold:
            return False
        resident = ("weight", "k_cache", "v_cache")
        reads = self.use.op.reads(self.use.case)
        return sum(reads.get(name, 0) for name in resident) >= 1 << 20


@dataclass
class StepTimings:
    """Everything that was timed of one step. Lists of samples are aligned by round."""

    step: Entrant
    """Captured where it can be."""
    eager: Entrant | None
    """The same step with every kernel submitted by the host; None where ``step`` is that."""
    kernels: list[KernelTiming]
    ceiling: Entrant
    finished: bool = False

    @property
    def entrants(self) -> list[Entrant]:
        """The step, the eager one if there is one, and the kernels."""
        steps = [self.step] if self.eager is None else [self.step, self.eager]
        return [*steps, *(k.entrant for k in self.kernels)]

    @property
    def all_entrants(self) -> list[Entrant]:
        """Those and the ceiling."""
        return [*self.entrants, self.ceiling]

    @property
    def rounds(self) -> int:
        """Rounds in which everything has a sample."""
        return min(len(e.device_s) for e in [self.ceiling, *self.entrants])

    def kernel_sums(self, layered: float = 1.0) -> np.ndarray:
        """Seconds of all kernels of a step but the collectives, round by round [rounds].

        ``layered`` multiplies what belongs to the layers: 64 / 10 turns ten layers into 64.
        """
        return self._sums(layered, collective=False)

    def collective_sums(self, layered: float = 1.0) -> np.ndarray:
        """The same of the collectives, each timed alone, which hides nothing of them."""
        return self._sums(layered, collective=True)

    def _sums(self, layered: float, *, collective: bool) -> np.ndarray:
        total = np.zeros(self.rounds)
        for kernel in self.kernels:
            if kernel.use.op.collective != collective:
                continue
            count = kernel.use.count * (layered if kernel.use.layered else 1.0)
            total += count * np.asarray(kernel.entrant.device_s[: self.rounds])
        return total

    def kernels_stats(self, layered: float = 1.0) -> Stats:
        """Of the sums."""
        return stats(self.kernel_sums(layered))


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

    ``on_start`` is given what is returned at the end, before the first sample is in it. A kernel
    that raises ends the race: it is the ``fault`` of its entrant, or of the step.
    """
    ranks = step.shape.collectives
    foreign = " or ".join(dict.fromkeys(filter(None, (who(one.kernel) for one in step.bound))))
    whole, eager = (
        Entrant(
            name,
            [step.run],
            must_move,
            floor_s,
            elapsed=True,
            eager=name != "step",
            together=ranks,
            suspects=foreign,
            also=lambda: step.state.values["logits"],
        )
        for name in ("step", "eager step")
    )
    top = ceiling.entrant(must_move)
    kernels = [
        KernelTiming(
            use,
            Entrant(
                use.role,
                use.calls,
                use.op.bytes(use.case),
                per_sample=len(use.calls),
                elapsed=use.op.collective,  # no rank may decide by itself to run it once more
                together=use.op.collective,
                kernel=use.kernel,
            ),
            must_move >= 4 * step.device.cache_bytes(),
        )
        for use in step.calls_by_kernel()
    ]
    entrants = [whole, *(k.entrant for k in kernels), top]
    if step.device.graphs:
        entrants.append(eager)
    timings = StepTimings(whole, None, kernels, top)
    if on_start is not None:
        on_start(timings)
    # a step without one of its kernels is none: the rest would be timed for nothing
    timings.finished = race(entrants, step.device, rule, on_round, lambda lost: False)
    if whole.captured is not None or eager.fault:
        timings.eager = eager
    return timings
