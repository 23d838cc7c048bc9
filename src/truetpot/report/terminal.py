"""Where people read: tables on standard output, what is going on on standard error."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from truetpot.files import write_whole

WIDTH = 110
"""Columns where no terminal says how many it has, and of a picture."""
REDRAW_S = 0.1


class Terminal:
    """The two streams of a command.

    ``quiet`` keeps tables off standard output, which then belongs to a record; ``say`` goes to
    standard error instead. ``picture`` is where :meth:`save_picture` puts what was printed.
    ``mute`` is for a rank that another one speaks for: nothing is printed.
    """

    def __init__(
        self, quiet: bool = False, picture: Path | None = None, mute: bool = False
    ) -> None:
        self.picture = None if mute else picture
        self.quiet = quiet or mute
        quiet, picture = self.quiet, self.picture
        self.err = _console(stderr=True, quiet=mute)
        self.out = _console(quiet=quiet, record=picture is not None)

    def show(self, *what: RenderableType) -> None:
        """Tables and what belongs to them."""
        for part in what:
            self.out.print(part)

    def say(self, text: str, style: str = "") -> None:
        """A sentence that a reader must not miss, whatever standard output is for."""
        self.out.print(text, style=style)
        if self.quiet:
            self.err.print(text, style=style, soft_wrap=True)

    def status(self, text: str) -> None:
        """What happens next."""
        self.err.print(text, style="dim", soft_wrap=True)

    @contextmanager
    def bar(self, what: str, unit: str = "") -> Iterator[Callable[[float, float], None]]:
        """A progress bar; gives ``advance(done, total)``. A line where there is no terminal.

        It is redrawn by ``advance`` alone: a thread that redraws would run into what is timed.
        """
        if not self.err.is_terminal:
            self.status(what)
            yield lambda done, total: None
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[amount]}", markup=False),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.err, transient=True, auto_refresh=False) as progress:
            task = progress.add_task(what, total=None, amount="")
            drawn = 0.0

            def advance(done: float, total: float) -> None:
                nonlocal drawn
                if (now := time.monotonic()) - drawn < REDRAW_S and done < total:
                    return
                drawn = now
                amount = f"{done:.1f} of {total:.1f} {unit}" if unit else f"{done / total:.0%}"
                progress.update(task, completed=done, total=total, amount=amount)
                progress.refresh()

            yield advance

    def save_picture(self, title: str) -> None:
        """What was printed, as SVG. Raises UserError where it cannot be written."""
        if self.picture is None:
            return
        write_whole(self.picture, self.out.export_svg(title=title), "--svg")


def _console(*, stderr: bool = False, quiet: bool = False, record: bool = False) -> Console:
    # no markup: what a kernel or a package says may have brackets, as truetpot[opencl] has
    make = partial(
        Console,
        stderr=stderr,
        file=io.StringIO() if quiet else None,
        highlight=False,
        markup=False,
        record=record,
        emoji=False,
    )
    console = make()
    return make(width=WIDTH) if record or not console.is_terminal else console
