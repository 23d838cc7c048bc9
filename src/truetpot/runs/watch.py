"""Whom a run tells what goes on while it measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from truetpot.records.opening import Environment

Advance = Callable[[float, float], None]
"""Called with what is done, and with all that there is to do."""


class Watch:
    """Is told what goes on, and keeps it to itself; a command's own prints it.

    A run that has more to tell has a Watch of its own, with a method for each thing.
    """

    def begins(
        self, device: str, environment: Environment, warnings: Sequence[str], again: bool = False
    ) -> None:
        """On which device, and what there is to say against its times.

        ``again``: the run goes on in a new process, as a kernel ended the one before.
        """

    def status(self, text: str) -> None:
        """Is told what happens next, in words."""

    def say(self, text: str) -> None:
        """A sentence on what is run."""

    def warn(self, text: str) -> None:
        """A sentence on what a reader has to know of the result."""

    def fault(self, text: str) -> None:
        """A sentence on what is wrong."""

    @contextmanager
    def bar(self, what: str, unit: str = "") -> Iterator[Advance]:
        """Around a piece of work: gives ``advance(done, total)``, in ``unit`` if it has one."""
        yield lambda done, total: None


NOBODY = Watch()
