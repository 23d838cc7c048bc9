"""What a page is made of, before it is HTML: notes, charts, tables, facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from truetpot.report.html.charts.canvas import Chart

FEW = 4
"""Notes that are only good to know and stand above the charts."""
NOTHING = ("", "-")
"""What a cell shows that has no value."""
Value = str | int | float | bool | None


@dataclass(frozen=True)
class Note:
    """A verdict, a finding, a warning. ``tone`` is bad, warn, good or info."""

    tone: str
    head: str
    said: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Cell:
    """What a table shows, and the number that it is sorted by where it is one."""

    shown: str
    number: float | None = None
    tone: str = ""


@dataclass(frozen=True)
class Column:
    """A head, and what it means in a sentence."""

    name: str
    about: str = ""


@dataclass(frozen=True)
class Grid:
    """A table that can be sorted by each column. A row of a record is a row of it."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def numeric(self, column: int) -> bool:
        """Whether the column holds numbers: they stand to the right."""
        return any(row[column].number is not None for row in self.rows)


@dataclass(frozen=True)
class Section:
    """One record: what it says first, drawings, tables, and at last where it comes from."""

    title: str
    notes: Sequence[Note]
    charts: Sequence[Chart] = ()
    grids: Sequence[Grid] = ()
    facts: Sequence[tuple[str, str]] = ()
    """Names and values of single fields."""
    origin: Sequence[tuple[str, str]] = ()
    """Environment and command."""
    kind: str = ""
    file: str = ""

    @property
    def foremost(self) -> list[Note]:
        """Every verdict, finding and warning, and the first few of what is only good to know."""
        few = [note for note in self.notes if note.tone == "info"][:FEW]
        return [note for note in self.notes if note.tone != "info" or note in few]

    @property
    def further(self) -> list[Note]:
        """Notes of tone `info` beyond the first few."""
        return [note for note in self.notes if note.tone == "info"][FEW:]

    @property
    def tone(self) -> str:
        """The tone of the worst of its notes."""
        order = ("bad", "warn", "good", "info")
        return min((note.tone for note in self.notes), key=order.index, default="info")


@dataclass
class Parts:
    """A section while it is made: what is None or empty is left out."""

    notes: list[Note] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)

    def draw(self, *charts: Chart | None) -> None:
        """Add the charts, except those that are None."""
        self.charts += [chart for chart in charts if chart is not None]

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Add a table whose columns need no explanation, unless it has no rows."""
        listed = list(rows)
        if listed:
            self.grids.append(filled(Grid(title, [Column(name) for name in columns], listed)))


def filled(grid: Grid) -> Grid:
    """The table without columns in which no row says anything."""
    kept = [
        i for i in range(len(grid.columns))
        if any(row[i].shown not in NOTHING for row in grid.rows)
    ]  # fmt: skip
    return Grid(
        grid.title,
        [grid.columns[i] for i in kept],
        [[row[i] for i in kept] for row in grid.rows],
    )


def cell(value: Value, shown: str | None = None, tone: str = "") -> Cell:
    """A value as a cell, sorted as a number where it is one; ``shown`` where it has a unit."""
    if value is None:
        return Cell(shown or "-", None, tone)
    number = (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    )
    return Cell(str(value) if shown is None else shown, number, tone)
