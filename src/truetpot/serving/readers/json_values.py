"""Slices of JSON text into Python values and arrays, with the place in every error.

msgspec is ten times as fast as Python's json, and as exact, but refuses NaN, Infinity, lone
surrogates and huge numbers, all of which Python's json writes; so json is the second way.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Protocol

import msgspec
import numpy as np

from truetpot.errors import UserError
from truetpot.serving.readers.source import Source
from truetpot.serving.records import Floats, Ints


class Node(Protocol):
    """Whose value it is: its file, and its place in what is said to be wrong."""

    @property
    def source(self) -> Source:
        """The file that the node is from, mapped into memory."""

    def error(self, sentence: str) -> UserError:
        """The sentence, with the file and the place in it."""


_any = msgspec.json.Decoder()
_numbers = msgspec.json.Decoder(list[float])
_rows = msgspec.json.Decoder(list[list[float]])
_NAN = float("nan")
_LONGEST = 64 << 20
_ROUNDING = 1e-12
"""Relative: of a sum of some thousand floats. A count of less than 1e9 is off by under 0.001."""
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*(?:e[-+]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE)


def value(node: Node, start: int, stop: int) -> Any:
    """The value at these bytes of `node`'s file. An error if it is long: arrays are for those."""
    _refuse_long(node, start, stop)
    return _decode(node, start, node.source.map[start:stop])


def floats(node: Node, start: int, stop: int) -> Floats:
    """Elements of a list of numbers, null as NaN."""
    text = _wrapped(node, start, stop)
    try:
        return np.array(_numbers.decode(text), np.float64)
    except (msgspec.DecodeError, ValueError):
        return np.array(_checked(node, _decode(node, start - 1, text)), np.float64)


def rows(node: Node, start: int, stop: int) -> list[list[float]]:
    """Elements of a list of lists of numbers, null as NaN, a null list as an empty one."""
    text = _wrapped(node, start, stop)
    try:
        lists: list[list[float]] = _rows.decode(text)
        return lists
    except (msgspec.DecodeError, ValueError):
        lists = [[] if row is None else row for row in _decode(node, start - 1, text)]
    for row in lists:
        if type(row) is not list:
            raise node.error(f"has {shown(row)} in a list of lists")
    return [_checked(node, row) for row in lists]


def counts(node: Node, start: int, stop: int, unknown: int) -> Ints:
    """Elements of a list of whole numbers, null and NaN as `unknown`."""
    numbers = _decode(node, start - 1, _wrapped(node, start, stop))
    if not set(map(type, numbers)) <= {int}:
        numbers = [_count(node, number, unknown) for number in numbers]
    try:
        return np.array(numbers, np.int64)
    except OverflowError:
        raise node.error("has a whole number that does not fit in 64 bits") from None


def texts(node: Node, start: int, stop: int) -> list[str | None]:
    """The elements of a JSON list of strings."""
    _refuse_long(node, start, stop)
    strings: list[str | None] = _decode(node, start - 1, _wrapped(node, start, stop))
    for string in strings:
        if string is not None and type(string) is not str:
            raise node.error(f"has {shown(string)} in a list of strings")
    return strings


def is_nan(value: object) -> bool:
    """Whether a value is a number and NaN."""
    return type(value) is float and math.isnan(value)


def as_float(value: float | str) -> float | None:
    """A number, or a text that is one (``0.25``, ``1e3``, ``inf``, ``nan``); None if it is none."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        return float(value)
    except OverflowError:  # A whole number.
        return None


def whole(number: object) -> int | None:
    """The number if it is a whole one that fits in 64 bits.

    A float stands for the whole number that it misses by rounding alone: a tool that sums or
    averages counts as floats writes 399.99999999999994 for 400 (guidellm's ``total_sum``).
    """
    if type(number) is float and math.isfinite(number):
        nearest = round(number)
        number = nearest if abs(number - nearest) <= _ROUNDING * abs(number) else None
    return number if type(number) is int and -(2**63) <= number < 2**63 else None


def shown(found: object) -> str:
    """Short, and printable whatever it is."""
    try:
        text = f'"{ascii(found)[1:-1]}"' if isinstance(found, str) else ascii(found)
    except ValueError:  # An int of thousands of digits.
        return "a huge number"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _refuse_long(node: Node, start: int, stop: int) -> None:
    if stop - start > _LONGEST:
        raise node.error(f"has {stop - start:,} bytes in one value, more than any tool writes")


def _wrapped(node: Node, start: int, stop: int) -> bytes:
    return b"[" + node.source.map[start:stop] + b"]"


def _decode(node: Node, start: int, text: bytes) -> Any:
    """`text` is what lies at byte `start`."""
    try:
        return _any.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    try:
        return json.loads(text.decode())
    except UnicodeDecodeError as error:
        raise node.error(f"is no UTF-8 text at byte {start + error.start:,}") from None
    except json.JSONDecodeError as error:
        offset = start + len(error.doc[: error.pos].encode())
        raise node.error(f"is not valid JSON at byte {offset:,}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise node.error(f"cannot be decoded: {error}") from None


def _count(node: Node, number: object, unknown: int) -> int:
    if number is None or is_nan(number):
        return unknown
    if (count := whole(number)) is None:
        raise node.error(f"has {shown(number)} in a list of whole numbers")
    return count


def _checked(node: Node, numbers: list[Any]) -> list[float]:
    """The same numbers, null as NaN."""
    kinds = set(map(type, numbers))
    if kinds <= {float}:
        return numbers
    if not kinds <= {float, int, type(None)}:
        wrong = next(x for x in numbers if type(x) not in (float, int, type(None)))
        raise node.error(f"has {shown(wrong)} in a list of numbers")
    try:
        return [_NAN if number is None else float(number) for number in numbers]
    except OverflowError:
        raise node.error("has a whole number that is beyond any float") from None
