"""Tables with bars, as llama.cpp's tools print them, in any text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from truetpot.serving.readers.source import Source

IsHeader = Callable[[list[str]], bool]


def cells(text: str) -> list[str]:
    """Of a row with a bar at both ends, without emphasis; [] of any other line."""
    text = text.strip()
    if len(text) < 3 or text[0] != "|" or text[-1] != "|":
        return []
    return [cell.strip().strip("*`").strip() for cell in text[1:-1].split("|")]


def has_table(source: Source, is_header: IsHeader) -> bool:
    """Whether any line is the header of such a table."""
    return any(is_header(cells(text)) for _, text in source.lines())


def rows(source: Source, is_header: IsHeader) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows below each header by column, with their line.

    What is not as wide as the header is another table, as the device lists of the drivers are.
    Raises UserError if the file ends inside a row.
    """
    columns: list[str] = []
    for number, text, ended in source.lines_and_ends():
        found = cells(text)
        if is_header(found):
            columns = found
        elif columns and len(found) == len(columns):
            if any(cell.strip("-: ") for cell in found):
                yield number, dict(zip(columns, found, strict=True))
        elif columns and not ended and text.strip().startswith("|"):
            raise source.error_in_line(
                number, "the last row has no end: it was cut off; copy it again"
            )
