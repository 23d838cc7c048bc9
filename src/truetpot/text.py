"""Text of others, made fit to be shown: it may hold anything, control sequences included."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterable
from itertools import islice

from truetpot.errors import UserError

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what is no visible character: controls, formats, surrogates, unassigned."""

NEAR = 0.66
"""Of difflib, from which on one name is meant by another: ``qkv`` by ``qvk``."""
_FEW = 8
"""Entries of a list or an object that are shown."""


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


def shortened(text: str, most: int = 80) -> str:
    """The text, or its beginning and ``...`` where it has more than ``most`` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def meant(value: str, known: Iterable[str]) -> str:
    """`` (did you mean qwq-32b?)``: the names nearest to one that is not known, three at most.

    Empty where none is near. Case, dashes and dots do not count, and a part of a name is near it:
    ``int4`` to ``sym_int4``.
    """
    names = {_letters(name): name for name in known}
    asked = _letters(shortened(value))
    near = [asked] if asked in names else difflib.get_close_matches(asked, names, 3, NEAR)
    if len(asked) >= 3 and asked not in names:
        near += [name for name in names if asked in name and name not in near]
    if not near:
        return ""
    *most, last = [escaped(names[name]) for name in near[:3]]
    return f" (did you mean {' or '.join(filter(None, [', '.join(most), last]))}?)"


def one_of(value: str, known: Collection[str], option: str) -> str:
    """The value, if it is known. Raises UserError otherwise, with ``option`` at its head."""
    if value not in known:
        shown, near = shortened(value), meant(value, known)
        raise UserError(f"{option} {shown!r} is not known{near}; choose from {', '.join(known)}.")
    return value


def gib(count: float) -> str:
    """A number of bytes in GiB with one decimal, as ``17.4 GiB``."""
    return f"{count / 2**30:.1f} GiB"


def _letters(name: str) -> str:
    """What of a name counts where two are compared."""
    return "".join(filter(str.isalnum, name.lower()))


def brief(value: object) -> str:
    """A value of a JSON or TOML file, on one line and not long: of a long list only its length.

    It is written as JSON writes it, escaped.
    """
    return shortened(_brief(value, 0), 160)


def _brief(value: object, depth: int) -> str:
    if isinstance(value, str):
        return f'"{escaped(shortened(value, 60))}"'
    if isinstance(value, dict):
        if depth > 1:
            return f"{{{len(value)} keys}}"
        pairs = [(str(key), one) for key, one in islice(value.items(), _FEW)]
        inside = [f"{_brief(key, 0)}: {_brief(one, depth + 1)}" for key, one in pairs]
        return f"{{{', '.join(inside + ['...'] * (len(value) > _FEW))}}}"
    if isinstance(value, list | tuple):
        if depth > 1 or len(value) > _FEW:
            return f"[{len(value)} values]"
        return f"[{', '.join(_brief(one, depth + 1) for one in value)}]"
    if isinstance(value, int) and value.bit_length() > 200:  # str() refuses thousands of digits
        return f"a whole number of {value.bit_length()} bits"
    words = {None: "null", True: "true", False: "false"}
    known = words.get(value) if value is None or isinstance(value, bool) else None
    return known or escaped(str(value))


def _hidden(character: str) -> bool:
    # a skin tone alone is drawn or not by what stands before it
    tone = "\U0001f3fb" <= character <= "\U0001f3ff"
    return tone or unicodedata.category(character) in _HIDDEN


def _code(character: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if short is not None:
        return short
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
