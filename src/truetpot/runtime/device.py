"""The device contract: what the rest of the suite may ask of a device, and how one is chosen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from truetpot.errors import UserError
from truetpot.runtime.group import ALONE, Group


@dataclass(frozen=True)
class Timing:
    """Seconds per call of one bracket of calls."""

    device_s: float
    """By the device's own clock."""
    wall_s: float
    """By the host's clock, from before the first call to after the last one's end."""
    enqueue_s: float
    """Of the wall time, what the host needed to submit: near ``wall_s`` means launch-bound."""

    def over(self, calls: int) -> Timing:
        """Per call, where what was timed is a submission of so many."""
        return Timing(self.device_s / calls, self.wall_s / calls, self.enqueue_s / calls)


@dataclass(frozen=True)
class ClockInfo:
    """How a device's time is taken, for the record."""

    source: str
    empty_pair_s: float
    """Cost of taking a time around nothing, by that clock."""


class Device(ABC):
    """One physical device. Arrays are opaque outside of it and the kernels that run on it."""

    kind: ClassVar[str]
    """``cpu``, ``cuda``, ``xpu``, ``opencl``: what a kernel's ``devices`` name."""
    torch: Any = None
    """The ``torch.device`` that its arrays are on; None where they are no tensors of torch."""
    settle_s: ClassVar[float] = 0.0
    """How long what ran before may still disturb: untimed calls fill it before each sample."""
    graphs: bool = False
    """Whether :meth:`capture` may succeed."""
    is_cpu: bool = False
    """Whether this is the host's own processor, which other programs use too."""
    memory_errors: tuple[type[BaseException], ...] = (MemoryError,)
    """What an allocation raises where there is no memory left."""
    name: str
    """What the user calls it: ``cpu``, ``xpu:0``."""
    group: Group = ALONE
    """The ranks that it is one of: kernels on it exchange with theirs, and all decide together."""

    @abstractmethod
    def upload(self, array: np.ndarray) -> Any:
        """A copy on the device, same shape and dtype (bf16 and fp8 by ml_dtypes)."""

    @abstractmethod
    def download(self, array: Any) -> np.ndarray:
        """A copy on the host."""

    @abstractmethod
    def write(self, array: Any, values: np.ndarray) -> None:
        """Put other values of the same shape and dtype into an array, where it is."""

    def use(self) -> None:
        """Make it the one that kernels launch on, where a library has one at a time."""
        return

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until all submitted work is done."""

    @abstractmethod
    def time_calls(self, calls: Sequence[Callable[[], Any]], *, elapsed: bool = False) -> Timing:
        """Run the calls in order and give the seconds per call.

        The device's time is what the kernels took; with ``elapsed`` it is from the first one's
        start to the last one's end, idle gaps between launches included.
        """

    def capture(self, calls: Sequence[Callable[[], Any]]) -> Callable[[], Any] | None:
        """One submission that repeats the calls on the same memory; None without such graphs.

        The calls have run before, so that nothing is left to compile. What returns keeps them.
        """
        return None

    def time_replays(self, replay: Callable[[], Any], count: int) -> Timing:
        """Seconds per replay of what :meth:`capture` returned, ``count`` of them in a row.

        The device's time has in it what passes between two kernels, but not what the host needs to
        submit the first replay to a device that has nothing to do; the host's time has.
        """
        return self.time_calls([replay] * count, elapsed=True)

    def check_trace(self) -> None:
        """Raise UserError where torch.profiler does not record this device's kernels."""
        raise UserError(f"torch.profiler records no kernels of {self.name}; leave out --trace.")

    def record_trace(self, calls: Sequence[Callable[[], Any]], path: Path) -> None:
        """Write what torch.profiler records of the calls to ``path``, in Chrome's trace format."""
        raise NotImplementedError

    @abstractmethod
    def poisoned(self) -> AbstractContextManager[Any]:
        """Within it, memory that a kernel asks for and does not write shows as NaN."""

    @abstractmethod
    def poison(self, array: Any) -> None:
        """Set every bit of the memory that an array is part of; what is no array is left alone."""

    @abstractmethod
    def storage(self, array: Any) -> Hashable:
        """Which memory an array is part of; None for what is no array of this device."""

    def alike(self, a: Any, b: Any) -> bool:
        """Whether two arrays have the same layout and the same bits; False for what is no array."""
        if self.storage(a) is None or self.storage(b) is None:
            return False
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        one, other = (self.download(x).reshape(-1).view(np.uint8) for x in (a, b))
        return np.array_equal(one, other)

    @abstractmethod
    def clock(self) -> ClockInfo:
        """How :meth:`time_calls` takes the device's time."""

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Memory that a new allocation could have now; None where nothing tells."""

    @abstractmethod
    def cache_bytes(self) -> int:
        """Size of the last-level cache, or an upper guess where the platform does not tell."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Name, UUID, PCI address, driver: what tells this physical device from its sisters."""

    def notes(self) -> list[str]:
        """What the platform does not tell and what is taken instead: a sentence each, for a record.

        Empty where it tells all that a measurement rests on.
        """
        return []

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Clocks, temperature, power and throttling where the platform offers them."""


def unknown_sizes(name: str, free: int | None, cache: int | None, guessed: int) -> list[str]:
    """A sentence for each of two sizes that a device called ``name`` does not tell."""
    notes = []
    if free is None:
        notes.append(
            f"{name} does not tell how much of its memory is free: what is asked for is tried whole"
        )
    if cache is None:
        notes.append(
            f"{name} does not tell the size of its cache: it is taken for {guessed >> 20} MiB"
        )
    return notes
