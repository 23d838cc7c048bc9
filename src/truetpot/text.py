"""Text of others, made fit to be shown: it may hold anything, control sequences included."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what is no visible character: controls, formats, surrogates, unassigned."""


def escaped(text: str, keep: str = "") -> str:
    r"""The text with every character that is not visible written as ``\x1b``, ``\u202e``, ``\n``.

    ``keep`` names those that stay, such as a newline between lines of our own. A terminal obeys no
    sequence in what is returned, and no name in it can pass for another line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one in keep or not _hidden(one) else _code(one) for one in text)


def one_line(text: str) -> str:
    """The first line that is not empty, escaped; empty where there is none."""
    lines = (line.strip() for line in text.splitlines())
    return escaped(next(filter(None, lines), ""))


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN


def _code(character: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if short is not None:
        return short
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
