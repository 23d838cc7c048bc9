"""Text of any length a line at a time, and CSV in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from truetpot.stack.trace.opened import Opened

MOST_LINE = 1 << 20
"""Letters of one line: a kernel's mangled name has some thousand."""
MOST_LINES = 100_000_000


def lines(opened: Opened) -> Iterator[str]:
    """The lines of a text without their ends. Raises UserError for one that is too long."""
    text = io.TextIOWrapper(opened.file, encoding="utf-8-sig", errors="replace", newline=None)
    try:
        for _ in range(MOST_LINES):
            line = text.readline(MOST_LINE)
            if not line:
                return
            if len(line) >= MOST_LINE:
                raise opened.wrong("it has a line of a million letters")
            yield line.rstrip("\n")
    finally:
        text.detach()
    raise opened.wrong("it has more than a hundred million lines")


def rows(opened: Opened, text: Iterator[str], head: list[str]) -> Iterator[dict[str, str]]:
    """Rows of CSV below ``head``, by column; those of another length are left out."""
    try:
        for cells in csv.reader(text, skipinitialspace=True):
            if len(cells) == len(head):
                yield dict(zip(head, (cell.strip() for cell in cells), strict=True))
    except csv.Error:
        raise opened.wrong("it is no valid CSV") from None


def cells(line: str) -> list[str]:
    """The cells of one line of CSV; none where it is none."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], skipinitialspace=True), [])]
    except csv.Error:
        return []


def value(row: Mapping[str, str], *names: str) -> float | None:
    """The first of these columns that has a number, thousands separated or not."""
    from truetpot.stack.trace.values import number

    for name in names:
        found = number(row.get(name, "").replace(",", ""))
        if found is not None:
            return found
    return None
