"""Tables that lose nothing: what does not fit beside the rest stands below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

from truetpot.report.words import legible, words

Cell = str | Text
GAPS = (2, 1)
"""Columns of space between two, the first that fits."""
PROSE_LEAST = 24
"""Prose in a column narrower than this is harder to read than below its row."""
INDENT = 2


@dataclass(frozen=True)
class Column:
    """One column. A name or a number is never broken; prose may be folded."""

    name: str = ""
    right: bool = False
    prose: bool = False
    least: int = 0
    """Width where there is room, so that one table lines up with the next."""


def name(title: str = "", least: int = 0) -> Column:
    """A column of names, statuses or units, which are never broken."""
    return Column(title, least=least)


def number(title: str, least: int = 0) -> Column:
    """A column of numbers, aligned to the right and never broken."""
    return Column(title, right=True, least=least)


def prose(title: str = "") -> Column:
    """A column of sentences, which may be folded."""
    return Column(title, prose=True)


@dataclass(frozen=True)
class Layout:
    """Where the columns of a table stand: widths, 0 for prose that stands below its row."""

    widths: tuple[int, ...]
    gap: int
    folded: bool
    """Whether a head of several words takes several lines."""


class Table:
    """Rows under a head, in the widest of a few layouts that fit; else a block of lines a row.

    Prose that is too long for its column stands below its row, with its column's name. If names and
    numbers do not fit beside each other, each value follows its column's name: ``us: 3.000``.
    ``head`` False is for one of several tables with the same columns below one head: it repeats the
    head only where its own columns stand elsewhere. The head is a table of its own, without rows.
    """

    def __init__(self, *columns: Column, head: bool = True) -> None:
        self.columns = columns
        self.head = head
        self._rows: list[tuple[str, list[Text]]] = []

    def row(self, *cells: Cell, style: str = "") -> Self:
        """A cell a column; those left out at the end are empty."""
        texts = [cell if isinstance(cell, Text) else words(cell) for cell in cells]
        texts += [Text()] * (len(self.columns) - len(texts))
        self._rows.append((style, texts))
        return self

    def line(self, *parts: str | tuple[str, str] | Text, style: str = "") -> Self:
        """A line across all columns: what the rows below it have in common."""
        self._rows.append((style, [words(*parts, style=style)]))
        return self

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room, encoding = options.max_width, options.encoding
        rows = [(style, [legible(cell, encoding) for cell in cells]) for style, cells in self._rows]
        layout = self._layout([cells for _, cells in rows if len(cells) > 1], room)
        if layout is not None and self._has_head(layout, room):
            yield from self._head(layout, console)
        for style, cells in rows:
            if len(cells) == 1:
                yield cells[0]
            elif layout is None:
                yield from self._block(cells, style, room)
            else:
                yield from self._beside(cells, style, layout, console)

    def _has_head(self, layout: Layout, room: int) -> bool:
        """Not below a head that is right; nor as that head, where each table has its own."""
        common = self._layout([], room)
        if common is None or common.folded:
            return bool(self._rows)
        return self.head or layout != common

    def _layout(self, rows: Sequence[Sequence[Text]], room: int) -> Layout | None:
        """The first that fits, prose beside the rest if it can be; None where none does."""
        long = [i for i, column in enumerate(self.columns) if column.prose]
        for beside, folded, gap in product((True, False), (False, True), GAPS):
            widths = self._widths(rows, folded)
            for i in long:
                widths[i] *= beside
            used = [width for width in widths if width]
            over = sum(used) + gap * (len(used) - 1) - room
            if over > 0 and beside and long:
                widest = max(long, key=lambda i: widths[i])
                widths[widest] -= over
                over = self._least(widest, rows) - widths[widest]
            if over <= 0:
                return Layout(tuple(widths), gap, folded)
        return None

    def _widths(self, rows: Sequence[Sequence[Text]], folded: bool) -> list[int]:
        """What each column would have without the others."""
        found = []
        for i, column in enumerate(self.columns):
            heads = column.name.split() if folded else [column.name]
            least = 0 if folded else column.least
            found.append(max([least, *map(cell_len, heads), *(row[i].cell_len for row in rows)]))
        return found

    def _least(self, i: int, rows: Sequence[Sequence[Text]]) -> int:
        """Of prose: to be read; where it may not be folded, to hold three of four cells."""
        if i == len(self.columns) - 1 or not rows:
            return PROSE_LEAST
        return max(PROSE_LEAST, sorted(row[i].cell_len for row in rows)[len(rows) * 3 // 4])

    def _head(self, layout: Layout, console: Console) -> Iterator[Text]:
        if not any(column.name for column in self.columns):
            return
        yield from self._lines([Text(c.name) for c in self.columns], "bold", layout, console)

    def _beside(
        self, cells: Sequence[Text], style: str, layout: Layout, console: Console
    ) -> Iterator[Text | Padding]:
        """The row, and below it the prose that has no room in it."""
        below = [i for i in range(len(cells)) if not self._has_room(i, cells[i], layout)]
        kept = [Text() if i in below else cell for i, cell in enumerate(cells)]
        yield from self._lines(kept, style, layout, console)
        for i in below:
            yield Padding(self._named(i, cells[i], style), (0, 0, 0, INDENT))

    def _has_room(self, i: int, cell: Text, layout: Layout) -> bool:
        """In one line; in the last column in several, as long as no word is broken."""
        width = layout.widths[i]
        if cell.cell_len <= width:
            return True
        last = i == len(self.columns) - 1
        return last and max(map(cell_len, cell.plain.split()), default=0) <= width

    def _lines(
        self, cells: Sequence[Text], style: str, layout: Layout, console: Console
    ) -> Iterator[Text]:
        """The cells beside each other, in as many lines as the longest needs."""
        shown = [
            (column, width, cell.wrap(console, width, overflow="fold"))
            for column, width, cell in zip(self.columns, layout.widths, cells, strict=True)
            if width
        ]
        for i in range(max((len(parts) for *_, parts in shown), default=0)):
            line = Text(style=style)
            for at, (column, width, parts) in enumerate(shown):
                part = parts[i] if i < len(parts) else Text()
                part.rstrip()
                blank = " " * (width - part.cell_len)
                line.append(" " * layout.gap if at else "")
                line.append_text(Text(blank) + part if column.right else part + blank)
            line.rstrip()
            yield line

    def _block(self, cells: Sequence[Text], style: str, room: int) -> Iterator[Text | Padding]:
        """A row on its own: the first value, then the others with their names, as many as fit."""
        lines: list[Text] = []
        between, open_line = Text(" " * GAPS[0]), False
        for i, (cell, column) in enumerate(zip(cells, self.columns, strict=True)):
            if not cell.plain:
                continue
            part = self._named(i, cell, style)
            if open_line and not column.prose:
                longer = between.join([lines[-1], part])
                if longer.cell_len <= room - INDENT:
                    lines[-1] = longer
                    continue
            lines.append(part)
            open_line = i > 0 and not column.prose
        yield from lines[:1]
        for line in lines[1:]:
            yield Padding(line, (0, 0, 0, INDENT))

    def _named(self, i: int, cell: Text, style: str) -> Text:
        title = f"{self.columns[i].name}: " if self.columns[i].name else ""
        return words((title, "dim"), cell, style=style)
