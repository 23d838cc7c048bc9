"""The ranks that work together, each with a device. Alone, every question is answered at once.

A device carries its group (``device.group``): whoever has the device to measure on can ask the
other ranks, and nobody else needs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Group:
    """One process, rank 0 of 1: what every process is until it joins others.

    Ranks run the same program in lockstep. A decision that depends on a clock is therefore
    :meth:`agree`-d upon, else one rank would wait for a collective that another never calls; for
    one that depends on the device see :mod:`truetpot.runtime.distributed.agreed`.
    """

    rank: int = 0
    size: int = 1
    local_size: int = 1
    """Ranks on this machine."""
    backend: str = ""
    """Of the collectives between devices: ``nccl``, ``xccl``, ``gloo``."""
    handle: Any = None
    """What ``torch.distributed`` calls the group; None alone."""

    def refuses(self, tp: int) -> str | None:
        """Why a collective of ``tp`` ranks cannot run here; None if it can."""
        if tp == self.size:
            return None
        return f"the case is of {tp} ranks and this run has {self.size}"

    def agree(self, value: float) -> float:
        """Rank 0's value, on every rank."""
        return value

    def least(self, value: float) -> float:
        """The smallest of the ranks' values."""
        return value

    def most(self, value: float) -> float:
        """The largest of the ranks' values."""
        return value

    def gather(self, what: Any) -> list[Any]:
        """Everybody's, by rank, on every rank; anything that can be pickled."""
        return [what]

    def same(self, what: T, about: str) -> T:
        """What every rank has come to by itself, from inputs that all agreed upon.

        Raises RuntimeError, on every rank, where they have not come to the same: with such a fault
        they would wait for each other later, and nothing would say why.
        """
        found = self.gather(what)
        if any(one != found[0] for one in found):
            ranks = "; ".join(f"rank {rank}: {one}" for rank, one in enumerate(found))
            raise RuntimeError(f"the ranks do not have the same {about}: {ranks}")
        return what

    def barrier(self) -> None:
        """Go on when all ranks are here."""

    def progress(self) -> None:
        """Say that this rank is at work: called between pieces of it. A hung rank does not."""

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around work on the device that cannot end before the other ranks have joined in."""
        yield

    def on_loss(self, save: Callable[[], None]) -> None:
        """What to do, from another thread, before the run is ended from outside or for a lost rank.

        Alone there is nothing to lose.
        """


ALONE = Group()
"""What a device belongs to that was chosen without one."""
