"""Values of events that others wrote: a number is a number or None, whatever stands there."""

from __future__ import annotations

import math
from typing import Any

FARTHEST = 4e18
"""Of a time in any unit: nanoseconds since 1970 are below it until 2096."""


def number(value: Any) -> float | None:
    """A finite number of a size that a trace can have, also as text; None for anything else.

    What is whole stays so: of nanoseconds since 1970 a float keeps no more than each 256th.
    """
    if isinstance(value, str):
        try:
            value = int(value) if value.isdecimal() and len(value) < 20 else float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and value.bit_length() > 64:
        return None
    return value if math.isfinite(value) and abs(value) <= FARTHEST else None


def whole(value: Any, otherwise: int = -1) -> int:
    """An integer of 63 bits, also as text; else ``otherwise``."""
    if isinstance(value, str) and len(value) < 20 and value.lstrip("-").isascii():
        value = int(value) if value.lstrip("-").isdigit() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return otherwise
    return value if -(1 << 62) < value < 1 << 62 else otherwise


def text(value: Any) -> str:
    """A text, or an empty one; a name has at most some thousand characters."""
    return value[:4000] if isinstance(value, str) else ""


def identity(value: Any) -> int:
    """A number for what tells streams or devices apart, be it a number or a text such as 0x7f."""
    found = whole(value, otherwise=-1)
    if found != -1 or value is None:
        return found
    try:
        return int(str(value)[:20], 16) & 0x7FFFFFFFFFFF
    except ValueError:
        return sum(ord(one) << (7 * (i % 7)) for i, one in enumerate(str(value)[:64]))
