"""What a run was asked to do, out of configurations whose form changes from age to age.

A path is written ``endpoint.model_names`` or ``data.0.prompt_tokens``; of several the first counts
that leads to a value of the right type. What is not understood is left out: it is no figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from truetpot.serving.readers.document import Node


def _values(config: Node | None, paths: tuple[str, ...]) -> list[Node]:
    found = []
    for path in paths:
        node = config
        for key in path.split("."):
            if node is not None and node.kind == "list" and key.isdecimal():
                node = next(islice(node.elements(), int(key), None), None)
            else:
                node = node.get(key) if node is not None else None
        if node is not None and node.kind != "null":
            found.append(node)
    return found


def text(config: Node | None, *paths: str) -> str | None:
    """A string, or the strings of a list with commas between."""
    for node in _values(config, paths):
        if node.kind == "string":
            return node.text()
        if node.kind == "list":
            names = [name.text() or "" for name in node.elements() if name.kind == "string"]
            if any(names):
                return ", ".join(names)
    return None


def number(config: Node | None, *paths: str) -> float | None:
    """A number above zero; a string may be one, as in ``"inf"``."""
    return next((value for value in _numbers(config, paths) if value > 0), None)


def ratio(config: Node | None, *paths: str) -> float | None:
    """A finite number from zero on."""
    return next((value for value in _numbers(config, paths) if 0 <= value < math.inf), None)


def _numbers(config: Node | None, paths: tuple[str, ...]) -> Iterator[float]:
    for node in _values(config, paths):
        if node.kind in ("number", "string"):
            with suppress(ValueError, OverflowError):
                yield float(node.value())


def count(config: Node | None, *paths: str) -> int | None:
    """A whole number above zero: several tools write -1 or 0 for "not asked"."""
    value = number(config, *paths)
    return int(value) if value is not None and value < 2**63 and value == int(value) else None


def length(config: Node | None, *paths: str, drawn: tuple[str, ...] = ()) -> int | None:
    """A length that every request was asked for; None where lengths were drawn at random.

    ``drawn`` are paths to a deviation, a variance, a smallest or a largest length: any that is
    above zero, and not the length itself, says that they were.
    """
    asked = count(config, *paths)
    spreads = (number(config, path) for path in drawn)
    return None if any(spread is not None and spread != asked for spread in spreads) else asked


def flag(config: Node | None, *paths: str) -> bool | None:
    """A boolean; ``"true"`` and ``"false"`` as strings too."""
    for node in _values(config, paths):
        if node.kind == "boolean":
            return node.flag()
        if node.kind == "string" and (word := (node.text() or "").lower()) in ("true", "false"):
            return word == "true"
    return None
