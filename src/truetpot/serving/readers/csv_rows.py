"""CSV with a header: one record a row, its cells asked for by the name of their column."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, pairwise

from truetpot.errors import UserError
from truetpot.serving.readers.json_values import as_float, is_nan, shown, whole
from truetpot.serving.readers.source import Source

_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
_COMMAS = 3
_NOTHING = ("", "N/A", "NA", "None", "null")


class Row:
    """One row. Absent, empty and ``N/A`` are the same: None."""

    def __init__(
        self, source: Source, line: int, cells: Mapping[str, str], unended: str | None
    ) -> None:
        self.source, self.line, self.members = source, line, cells
        self._unended = unended

    @property
    def where(self) -> str:
        """Place of the row in its file: ``line 3``."""
        return f"line {self.line}"

    def error(self, sentence: str) -> UserError:
        """`sentence` is a whole one without full stop."""
        return self.source.error_in_line(self.line, sentence)

    def text(self, column: str) -> str | None:
        """The cell. Raises UserError for one that the end of the file may have cut."""
        cell = self.members.get(column, "")
        if cell in _NOTHING:
            return None
        if column == self._unended:
            raise self.error(f"the file ends inside {shown(column)}: it was cut off; copy it again")
        return cell

    def number(self, column: str) -> float | None:
        """As Python's float() reads it, also with commas between thousands; NaN and infinity are
        numbers."""
        cell = self.text(column)
        if cell is None:
            return None
        plain = cell.replace(",", "") if _THOUSANDS.fullmatch(cell) else cell
        if (value := as_float(plain)) is None:
            raise self.error(f"{shown(column)} is {shown(cell)}, where a number was expected")
        return value

    def count(self, column: str) -> int | None:
        """A whole number, also one written as a float."""
        value = self.number(column)
        if value is None or is_nan(value):
            return None
        if (count := whole(value)) is None:
            raise self.error(f"{shown(column)} is {value:g}, where a whole number was expected")
        return count


def cells(source: Source) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file with the number of their last line, blanks around a cell removed; none of
    the empty ones, and none of a single cell: that is a line of something else, but for a last one
    without its end. Raises UserError for quotes that do not fit."""
    line, ended = 1, True

    def lines() -> Iterator[str]:
        nonlocal line, ended
        for line, text, ended in source.lines_and_ends():  # noqa: B007
            yield f"{text}\n"

    reader = csv.reader(lines(), strict=True)
    try:
        for row in reader:
            found = [cell.strip() for cell in row]
            if any(found) and (len(found) > 1 or not ended):
                yield line, found
    except csv.Error as error:
        raise source.error_in_line(line, f"the row is no CSV: {error}") from error


def rows(
    source: Source, is_header: Callable[[list[str]], bool], *, other_tables: bool = False
) -> Iterator[Row]:
    """Every row below a header, which may come again. Raises UserError for a row of another length
    than its header; where the file has `other_tables` these are theirs, but for a last row
    without line end."""
    columns: list[str] = []
    end = (0, [""])
    for (line, row), (next_line, _) in pairwise(chain(cells(source), [end])):
        if is_header(row):
            columns = row
            continue
        if not columns:
            continue
        unended = not next_line and source.map[-1:] not in (b"\n", b"\r")
        if len(row) != len(columns) and other_tables and not unended:
            continue
        if len(row) != len(columns):
            raise source.error_in_line(
                line, f"the row has {len(row)} values for {len(columns)} columns: it may be cut"
            )
        named = dict(zip(columns, row, strict=True))
        yield Row(source, line, named, columns[-1] if unended else None)


def first_row(source: Source) -> list[str]:
    """The cells of the first line with several; [] if it is no CSV. What stands above, a command or
    a line of a log, has few commas, and no tool's table has less than four columns."""
    text = next((text for _, text in source.lines() if text.count(",") >= _COMMAS), "")
    try:
        return [cell.strip() for cell in next(csv.reader([text]), [])]
    except csv.Error:
        return []
