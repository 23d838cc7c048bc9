"""Text that a terminal is given: of others, so nothing in it may be obeyed or begin a line."""

from __future__ import annotations

from itertools import accumulate

from rich.cells import cell_len
from rich.text import Span, Text

from truetpot.text import escaped

_PLAINER = str.maketrans(dict.fromkeys("█▉▊▋▌▍▎▏━", "#") | {"…": "~"})
"""For our own characters, where an encoding has none of them: the same width."""


def words(*parts: str | tuple[str, str] | Text, style: str = "") -> Text:
    """One line of its parts, each escaped; a pair is a part and its style.

    What is longer than a line is folded where it is shown, never cut.
    """
    text = Text(style=style)
    for part in parts:
        if isinstance(part, Text):
            text.append_text(part)
        elif isinstance(part, str):
            text.append(escaped(part))
        else:
            text.append(escaped(part[0]), part[1])
    return text


def written(text: str, encoding: str) -> str:
    """As one line that can be written: ``\\x1b`` and ``\\u4e2d`` for what cannot.

    That is control characters, and those that ``encoding`` does not have; of a bar it is ``#``.
    """
    text = escaped(text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plainer = text.translate(_PLAINER)
        return plainer.encode(encoding, "backslashreplace").decode(encoding)
    return text


def legible(text: Text, encoding: str) -> Text:
    """The same of a text with styles, which stay where they are."""
    plain = text.plain
    if plain.isascii() and plain.isprintable():
        return text
    shown = written(plain, encoding)
    if shown == plain:
        return text
    ends = [0, *accumulate(len(written(one, encoding)) for one in plain)]
    new = text.blank_copy(shown)
    new.spans = [Span(ends[at], ends[end], style) for at, end, style in text.spans]
    return new


def shortened(text: str, most: int) -> str:
    """The text in at most so many columns, its middle left out: its ends tell it from others."""
    if cell_len(text) <= most:
        return text
    keep = len(text) - 1
    while True:
        ends = f"{text[: keep - keep // 2]}…{text[len(text) - keep // 2 :]}"
        if keep <= 0 or cell_len(ends) <= most:
            return ends if most > 0 else ""
        keep -= 1
