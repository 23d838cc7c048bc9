"""Numbers in lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, pairwise

from truetpot.serving.readers.source import Source


def as_number(source: Source, line: int, text: str, what: str = "the value") -> float:
    """As Python's float() reads it; NaN is one. Raises UserError, with the line, for any other."""
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise source.error_in_line(line, f"{what} is {text[:40]!a}, where a number was expected")
    return value


def whole_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Every line with its number but a last one without a line end: a number in it may be cut."""
    ended = source.map[-1:] == b"\n"
    for (line, text), (more, _) in pairwise(chain(source.lines(), [(0, "")])):
        if more or ended:
            yield line, text
