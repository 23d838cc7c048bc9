"""The console of every stream: how wide it is, and that no text of others is obeyed by it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from truetpot.report.words import legible, words, written

WIDTH = 110
"""Columns where neither COLUMNS nor a terminal says how many there are, and of a picture."""
LEAST, MOST = 20, 1000
"""Columns; with fewer nothing can be read, and more are a mistake."""
HANG = "  "
"""Before each further line of a sentence: a line that begins without it is one of our own."""


def told_width(file: IO[str]) -> int | None:
    """What COLUMNS says, or else the terminal that the file is; None where neither does."""
    given = os.environ.get("COLUMNS", "")[:9]
    if given.isascii() and given.isdecimal() and int(given):
        return min(max(int(given), LEAST), MOST)
    try:
        columns = os.get_terminal_size(file.fileno()).columns
    except (AttributeError, OSError, ValueError):  # a pipe, a file, or no file of the system
        return None
    return max(columns, LEAST) if columns else None


class Screen(Console):
    """A console on which nothing is cut and no text can pass for another.

    Whatever is rendered, a table's cell or a sentence, comes by :meth:`render`: there a text is one
    line, whose control characters are escaped, newlines too. A line of several rows is folded.
    """

    def __init__(self, width: int | None = None, **options: Any) -> None:
        # no markup: what a kernel or a package says may have brackets, as truetpot[opencl] has
        super().__init__(
            width=width or WIDTH, height=25, markup=False, emoji=False, highlight=False, **options
        )
        self._follows = width is None

    def print(self, *objects: Any, **how: Any) -> None:
        """As rich does, in the width that the terminal has now."""
        if self._follows:
            self.width = told_width(self.file) or WIDTH
        super().print(*objects, **how)

    def render_str(self, text: str, **how: Any) -> Text:
        """As one line: rich would leave out some control characters, unseen."""
        return words(text, style=how.get("style") or "")

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Every text that is shown comes by here."""
        options = options or self.options
        if isinstance(renderable, str):
            renderable = self.render_str(renderable)
        if isinstance(renderable, Text):
            renderable = self._folded(legible(renderable, self.encoding), options)
            yield from super().render(renderable, options)
            return
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                lines = (written(line, self.encoding) for line in segment.text.split("\n"))
                yield Segment("\n".join(lines), segment.style)

    def _folded(self, text: Text, options: ConsoleOptions) -> Text:
        """In lines that fit, the second and later ones further to the right than the first."""
        if options.no_wrap or text.cell_len <= options.max_width:
            return text
        blank = len(text.plain) - len(text.plain.lstrip(" "))
        hang = " " * min(blank, options.max_width // 4) + HANG
        lines = text.wrap(self, max(1, options.max_width - len(hang)), overflow="fold")
        joined = Text("\n").join([lines[0], *(Text(hang) + line for line in lines[1:])])
        joined.end = text.end
        return joined
