"""The measured ceilings of a step: what its bytes and its operations take at least, by round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from truetpot.facts.roofline import Limit
from truetpot.ladder.timings import KernelTiming, StepTimings
from truetpot.stats import Samples


@dataclass(frozen=True)
class Work:
    """What a step must do: bytes that it moves, operations."""

    bytes: int
    operations: int = 0


@dataclass(frozen=True)
class Swept:
    """The read kernel and the matrix product that the sweeps found best, and their rates there."""

    provider: str
    bandwidth: float
    """Bytes a second."""
    rate: float | None = None
    """Operations a second; None where no product was swept."""
    gemm: str = ""

    def name_of(self, limit: Limit) -> str:
        """Of what set the ceiling of bytes, or of operations."""
        return self.gemm if limit is Limit.OPERATIONS else f"{self.provider} memory_read"


@dataclass(frozen=True)
class Roof:
    """Both ceilings in the rounds of one race, each raised to the fastest kernel beyond it."""

    timings: StepTimings
    swept: Swept
    raised: dict[Limit, tuple[float, str]]
    """By how much, and to which role's kernel; (1, "") where none is beyond."""

    @classmethod
    def over(cls, timings: StepTimings, swept: Swept) -> Roof:
        """Of what was timed; the product's rate is the sweep's where it took no part."""
        return cls(timings, swept, {limit: raised(timings, limit) for limit in Limit})

    def seconds(self, nbytes: float, operations: float) -> tuple[np.ndarray, Limit]:
        """Seconds [rounds] of the one that takes longer in the median round, and which it is."""
        read = self._seconds(self.timings.ceiling, Limit.BYTES, nbytes)
        rate = self.swept.rate
        if self.timings.gemm is not None:
            compute = self._seconds(self.timings.gemm, Limit.OPERATIONS, operations)
        elif rate is not None:
            compute = np.full(self.timings.rounds, operations / rate)
        else:
            return read, Limit.BYTES
        longer = np.median(compute) > np.median(read)
        return (compute, Limit.OPERATIONS) if longer else (read, Limit.BYTES)

    def name_of(self, limit: Limit) -> str:
        """In words, where a ceiling comes from."""
        return self.swept.name_of(limit) if self.raised[limit][0] == 1.0 else "raised by a kernel"

    def warnings(self) -> list[str]:
        """A sentence for each ceiling that a kernel raised."""
        said = {
            Limit.BYTES: "read {1:.3f} times as fast as the best read kernel of the sweep",
            Limit.OPERATIONS: "computed {1:.3f} times as fast as the best matrix product",
        }
        return [
            f"{by} {said[limit].format(by, factor)}: the ceiling is raised to it"
            for limit, (factor, by) in self.raised.items()
            if by
        ]

    def _seconds(self, top: Samples, limit: Limit, amount: float) -> np.ndarray:
        factor = self.raised[limit][0]
        return amount / getattr(top, limit) / factor * self.timings.round_by_round(top)


def raised(timings: StepTimings, limit: Limit = Limit.BYTES) -> tuple[float, str]:
    """How far the fastest kernel that reads from memory is beyond a ceiling, and its role.

    Beyond means that the whole interval of its share lies above 1, not only the median. A sample
    a tenth as long as the ceiling's is no match for it where bandwidth comes in bursts.
    """
    top = timings.ceiling if limit is Limit.BYTES else timings.gemm
    if top is None:
        return 1.0, ""
    enough = getattr(top, limit) * top.per_sample / 10
    shares = [
        (share.median, kernel.role)
        for kernel in timings.kernels
        if kernel.rotated and _amount(kernel, limit) >= enough
        and (share := kernel.samples.share_of(top, limit)).low > 1.0
    ]  # fmt: skip
    return max(shares, default=(1.0, ""))


def _amount(kernel: KernelTiming, limit: Limit) -> int:
    """Of a whole sample."""
    amount: int = getattr(kernel.samples, limit)
    return amount * kernel.samples.per_sample
