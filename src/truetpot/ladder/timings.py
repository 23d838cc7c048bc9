"""What was timed of one decode step, as samples: all that the ladder is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from truetpot.records.words import Origin
from truetpot.stats import Samples, Stats, Submitted, stats

RESIDENT = 1 << 20
"""Weights and caches of so many bytes are read from memory; less may stay in a cache."""


@dataclass
class KernelTiming:
    """One kernel of the step; a sample is its mean time over all layers."""

    samples: Samples
    role: str
    op: str
    provider: str
    case: str
    count: int
    """Calls in the step that was measured."""
    config: dict[str, Any] = field(default_factory=dict)
    origin: Origin | None = None
    """Where its launch parameters come from."""
    origin_case: str | None = None
    layered: bool = True
    """Whether it belongs to the layers, so that more layers mean more calls."""
    collective: bool = False
    resident_bytes: int = 0
    """Of weights and caches that one call reads."""
    different: int = 1
    """Calls until the first one's weights come again."""
    cache_bytes: int = 0
    """The last level's, the largest of any rank: what may be left of what was read before."""
    step_bytes: int | None = None
    """What the whole step reads between two samples; None where that is more than a cache."""
    payload_bytes: int = 0
    """That a rank gives to one call of a collective."""

    @property
    def rotated(self) -> bool:
        """Whether its calls read weights or caches large enough to come from memory.

        Any sample finds them in the cache where the whole step fits; and so do its own calls where
        they come again before all of a cache was read.
        """
        large = self.resident_bytes >= RESIDENT
        return large and not self.whole_step_cached and not self.repeats

    @property
    def whole_step_cached(self) -> bool:
        """Whether a cache may hold all that the step reads."""
        return self.step_bytes is not None and self.step_bytes < 4 * self.cache_bytes

    @property
    def repeats(self) -> bool:
        """Whether calls come again so soon that a cache may still hold what they read.

        A sample may go round the layers more than once, and a replay is timed behind another one.
        """
        replayed = self.samples.submitted is Submitted.GRAPH
        again = replayed or self.samples.per_sample > self.different
        return again and self.resident_bytes * self.different < 4 * self.cache_bytes

    def calls(self, layered: float) -> float:
        """Calls in a step of ``layered`` times the layers that were measured."""
        return self.count * (layered if self.layered else 1.0)


@dataclass
class StepTimings:
    """Everything that was timed of one step. Lists of samples are aligned by round."""

    step: Samples
    """Captured where it can be."""
    kernels: list[KernelTiming]
    ceiling: Samples
    eager: Samples | None = None
    """The same step with every kernel submitted by the host; None where ``step`` is that."""
    gemm: Samples | None = None
    """The ceiling of operations; None where they are far from bounding any kernel."""
    backend: str = ""
    """Over which the ranks' collectives ran."""
    finished: bool = False

    @property
    def everything(self) -> list[Samples]:
        """The step, the eager one if there is one, and the kernels."""
        steps = [self.step] if self.eager is None else [self.step, self.eager]
        return [*steps, *(kernel.samples for kernel in self.kernels)]

    @property
    def rounds(self) -> int:
        """Rounds in which everything has a sample."""
        tops = [self.ceiling] if self.gemm is None else [self.ceiling, self.gemm]
        return min(len(one.device_s) for one in [*tops, *self.everything])

    def round_by_round(self, one: Samples) -> np.ndarray:
        """Device seconds of one of them in the rounds that all have [rounds]."""
        return np.asarray(one.device_s[: self.rounds], dtype=np.float64)

    def kernel_sums(self, layered: float = 1.0) -> np.ndarray:
        """Seconds of all kernels of a step but the collectives, round by round [rounds].

        ``layered`` multiplies what belongs to the layers: 64 / 10 turns ten layers into 64.
        """
        return self._sums(layered, collective=False)

    def collective_sums(self, layered: float = 1.0) -> np.ndarray:
        """The same of the collectives, each timed alone, which hides nothing of them."""
        return self._sums(layered, collective=True)

    def stretch(self, layered: float) -> np.ndarray:
        """By how much more layers make the step longer, in proportion to the kernels [rounds]."""
        some = self.kernel_sums() + self.collective_sums()
        return (self.kernel_sums(layered) + self.collective_sums(layered)) / some

    def _sums(self, layered: float, *, collective: bool) -> np.ndarray:
        total = np.zeros(self.rounds)
        for kernel in self.kernels:
            if kernel.collective == collective:
                total += kernel.calls(layered) * self.round_by_round(kernel.samples)
        return total

    def kernels_stats(self, layered: float = 1.0) -> Stats:
        """Statistics of the sums over a step's kernels, in seconds."""
        return stats(self.kernel_sums(layered))
