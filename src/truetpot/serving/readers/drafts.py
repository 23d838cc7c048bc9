"""Draft tokens of speculative decoding, out of whatever a tool writes of them.

They are no figures: what cannot be (a share above one, more accepted than drafted) is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Any

from truetpot.serving.readers.document import Node
from truetpot.serving.readers.json_values import as_float
from truetpot.serving.records import Drafts

MOST_POSITIONS = 64
"""More tokens than any draft has."""


def drafts(
    key: str,
    *,
    steps: float | None = None,
    drafted: float | None = None,
    accepted: float | None = None,
    rate: float | None = None,
    by_position: Iterable[float] = (),
) -> Drafts | None:
    """Of ``key`` in the file; None where nothing is left. A rate that is not given follows from the
    counts."""
    counts = _count(steps), _count(drafted), _count(accepted)
    if counts[1] is not None and (counts[2] or 0) > counts[1]:
        counts = counts[0], None, None
    if not _is_share(rate):
        known = counts[1] and counts[2] is not None
        rate = (counts[2] or 0) / (counts[1] or 1) if known else None
    positions = tuple(islice(by_position, MOST_POSITIONS + 1))
    if len(positions) > MOST_POSITIONS or not all(map(_is_share, positions)):
        positions = ()
    if not counts[1] and rate is None and not positions:
        return None
    return Drafts(key, *counts, rate, positions)


def shares(found: Node | str | None) -> list[float]:
    """A list of numbers, in JSON or as a cell that holds one; [] for what is none."""
    values: list[Any] = []
    if isinstance(found, str):
        with suppress(ValueError, RecursionError):
            value = json.loads(found)
            values = value if isinstance(value, list) else []
    elif found is not None and found.kind == "list":
        nodes = list(islice(found.elements(), MOST_POSITIONS + 1))
        values = [each.value() if each.kind == "number" else None for each in nodes]
    some = values[: MOST_POSITIONS + 1]
    numbers = [as_float(each) if type(each) in (int, float) else None for each in some]
    known = [number for number in numbers if number is not None]
    return known if len(known) == len(some) else []


def _count(value: float | None) -> int | None:
    if value is None or not 0 <= value < 2**63 or value != int(value):
        return None
    return int(value)


def _is_share(value: float | None) -> bool:
    return value is not None and 0 <= value <= 1
