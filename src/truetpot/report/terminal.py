"""Where people read: tables on standard output, what is going on on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress import Progress, Task, TimeRemainingColumn
from rich.progress_bar import ProgressBar

from truetpot.files import write_whole
from truetpot.records.opening import Part
from truetpot.report.screen import Screen, told_width
from truetpot.report.words import shortened, words, written

REDRAW_S = 0.1
BAR = 40
"""Columns of a progress bar, a quarter of the line at most."""


class Terminal:
    """The two streams of a command.

    ``quiet`` keeps tables off standard output, which then belongs to a record; ``say`` goes to
    standard error instead. ``html`` and ``svg`` are where :meth:`draw` puts a record as a page and
    as a chart. ``mute`` is for a rank that another one speaks for: nothing is printed or drawn.
    """

    def __init__(
        self,
        quiet: bool = False,
        mute: bool = False,
        html: Path | None = None,
        svg: Path | None = None,
    ) -> None:
        self.quiet = quiet or mute
        self.html, self.svg = (None, None) if mute else (html, svg)
        self.err = Screen(stderr=True, quiet=mute)
        self.out = Screen(quiet=self.quiet)

    def show(self, *what: RenderableType) -> None:
        """Print tables and the lines that belong to them."""
        for part in what:
            self.out.print(part)

    def say(self, text: str, style: str = "") -> None:
        """A sentence that a reader must not miss, whatever standard output is for."""
        self.show(words(text, style=style))
        if self.quiet:
            self.status(text, style)

    def status(self, text: str, style: str = "dim") -> None:
        """What happens next; in one line where none is told how long lines may be, as in a log."""
        log = told_width(self.err.file) is None
        self.err.print(words(text, style=style), soft_wrap=log)

    @contextmanager
    def bar(self, what: str, unit: str = "") -> Iterator[Callable[[float, float], None]]:
        """A progress bar; gives ``advance(done, total)``. A line where there is no terminal.

        It is redrawn by ``advance`` alone: a thread that redraws would run into what is timed.
        """
        if not self.err.is_terminal:
            self.status(what)
            yield lambda done, total: None
            return
        with _Bar(console=self.err, transient=True, auto_refresh=False) as progress:
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

    def draw(self, record: Part) -> None:
        """The record as a page and as a chart, where they were asked for.

        Raises OutputError where a file cannot be written.
        """
        if self.html is not None:
            from truetpot.report.html.report import html

            write_whole(self.html, html([record]), "--html")
        if self.svg is not None:
            from truetpot.report.html.report import svg

            if (chart := svg(record)) is None:
                self.say("nothing was measured that --svg could draw", "yellow")
            else:
                write_whole(self.svg, chart, "--svg")


class _Bar(Progress):
    """One line a task: what is done, a bar, how much, and the time that it still takes."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """As Progress asks for them."""
        yield Group(*map(_Line, self.tasks))


class _Line:
    """Bar, amount and time whole, what is done in the room that they leave."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        task, width = self.task, min(BAR, options.max_width // 4)
        tail = words(f" {task.fields['amount']} ", TimeRemainingColumn().render(task))
        what = written(task.description, options.encoding)
        room = options.max_width - width - len(" ") - tail.cell_len
        head = words(f"{shortened(what, room)} ")
        head.end = tail.end = ""
        yield head
        yield ProgressBar(task.total, task.completed, width=width, pulse=task.total is None)
        yield tail
