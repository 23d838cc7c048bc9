"""What a search may ask of the device: a look, a race of a few, and two alone in a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from truetpot.errors import KernelError
from truetpot.ops.registry import Config
from truetpot.records.tune import Figures
from truetpot.stats import Ratio


class DefaultError(KernelError):
    """It is the default that failed: there is nothing to compare with."""


class Lab(Protocol):
    """One kernel on one case. Figures are beside the default, of the same rounds."""

    def prepare(self, upcoming: Callable[[int], Sequence[Config]]) -> None:
        """Before a look: ``upcoming`` gives the next configurations, the one to come first."""

    def look(self, config: Config) -> Figures:
        """A short race of one configuration; with a reason where it has no time.

        Raises DefaultError, DeviceLostError, and KeyboardInterrupt.
        """

    def still_there(self, look: Figures) -> None:
        """After one with a reason. Raises DeviceLostError where nothing can be timed any more."""

    def final(
        self, configs: Sequence[Config], on_share: Callable[[float], None]
    ) -> tuple[Figures, list[Figures]]:
        """A longer race: the default's figures, then those of the configurations.

        Raises DefaultError, and UserError where the default has no time.
        """

    def in_new_processes(self, config: Config, count: int) -> Iterator[Ratio]:
        """The gain of one configuration over the default, the two alone, in so many new processes.

        One figure a process. Raises KernelError where there is none.
        """
