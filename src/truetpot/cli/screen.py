"""A run's watch on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from truetpot.records.opening import Environment
from truetpot.report.ladder import describe_device
from truetpot.report.terminal import Terminal
from truetpot.runs.watch import Advance, Watch


class Screen(Watch):
    """Prints what it is told. Commands with more to print have one of their own."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.again = False

    def begins(
        self, device: str, environment: Environment, warnings: Sequence[str], again: bool = False
    ) -> None:
        """The device, then the warnings; on standard error alone where the run goes on."""
        self.again = again
        self.tell(describe_device(device, environment))
        for warning in warnings:
            self.tell(warning, "yellow")

    def tell(self, text: str, style: str | None = None) -> None:
        """Once in a run, however many processes it takes; later ones say it in passing."""
        if not self.again:
            self.terminal.say(text, style or "")
        elif style is None:
            self.terminal.status(text)
        else:
            self.terminal.status(text, style)

    def status(self, text: str) -> None:
        """Print it to standard error."""
        self.terminal.status(text)

    def say(self, text: str) -> None:
        """Print it to where the tables go."""
        self.terminal.say(text)

    def warn(self, text: str) -> None:
        """Print it in yellow, as a warning."""
        self.terminal.say(text, "yellow")

    def fault(self, text: str) -> None:
        """Print it in red, as an error."""
        self.terminal.say(text, "bold red")

    @contextmanager
    def bar(self, what: str, unit: str = "") -> Iterator[Advance]:
        """Draw the progress bar of the terminal."""
        with self.terminal.bar(what, unit) as advance:
            yield advance
