"""What the code of others raises and returns, in words: none of it can be relied upon."""

from __future__ import annotations

from truetpot.errors import UserError
from truetpot.text import escaped, one_line, shortened

_LONGEST = 400
"""Characters of a reason: a compiler's error may be one line of a megabyte."""


def describe(error: BaseException) -> str:
    """Type and first line, escaped; the message alone of a failed import and of a UserError."""
    try:
        text = one_line(str(error))
    except BaseException:  # noqa: BLE001
        # its __str__ is foreign code as well
        text = ""
    text, kind = shortened(text, _LONGEST), escaped(type(error).__name__)
    if isinstance(error, ImportError | UserError) and text:
        return text
    return f"{kind}: {text}" if text else kind


def shown(value: object) -> str:
    """A value as a sentence can hold it: a class by its name, anything else by a short repr."""
    try:
        text = value.__name__ if isinstance(value, type) else repr(value)
    except Exception:  # noqa: BLE001
        # so is its __repr__
        text = f"some {type(value).__name__}"
    return escaped(text if len(text) <= 60 else text[:57] + "...")
