"""JSON of any size: values are found by a compiled scan and decoded a slice at a time.

A :class:`Node` is a value's place in the mapped file. Asking an object for a member scans that
object once; asking for numbers decodes about a MiB of text at a time into one array. So a file of
gigabytes costs its arrays and little else.

Absent and null are the same to a reader: None, or NaN (-1 for a count) inside a list. Everything
that a tool's JSON should not have raises UserError with the key and the byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from truetpot.errors import UserError
from truetpot.serving.readers import json_values, scan
from truetpot.serving.readers.json_values import shown
from truetpot.serving.readers.source import Source
from truetpot.serving.records import UNKNOWN, Floats, Gaps, Ints

_SLICE = 1 << 20
_SLICE_ELEMENTS = 1 << 16
_MOST_MEMBERS = 1 << 16
_KINDS = {"{": "object", "[": "list", '"': "string", "t": "boolean", "f": "boolean", "n": "null"}


def with_article(kind: str) -> str:
    """A kind of JSON value with its article: ``a list``, ``an object``."""
    return f"an {kind}" if kind == "object" else f"a {kind}"


class Node:
    """One JSON value: its bytes are ``source.data[start:stop]``."""

    __slots__ = ("_key", "_members", "_parent", "source", "start", "stop")

    def __init__(
        self, source: Source, start: int, stop: int, parent: Node | None = None, key: str | int = ""
    ) -> None:
        self.source, self.start, self.stop = source, start, stop
        self._parent, self._key = parent, key
        self._members: dict[str, Node] | None = None

    # What and where

    @property
    def kind(self) -> str:
        """``object``, ``list``, ``string``, ``number``, ``boolean`` or ``null``."""
        # NaN and Infinity, which Python's json writes, are numbers.
        return _KINDS.get(chr(self.source.data[self.start]), "number")

    @property
    def where(self) -> str:
        """The path from the top: ``benchmarks[1].metrics``; ``line 3, itls`` of a later value."""
        if self._parent is None:
            return str(self._key)
        above = self._parent.where
        if isinstance(self._key, int):
            return f"{above}[{self._key}]"
        dot = "" if not above else ", " if self._parent._parent is None else "."
        return f"{above}{dot}{self._key}"

    def error(self, sentence: str) -> UserError:
        """`sentence` begins with a verb, this value being its subject, and has no full stop."""
        what = shown(self.where) if self.where else "the content"
        return UserError(f"{self.source.name}: {what} (byte {self.start:,}) {sentence}.")

    def expect(self, *kinds: str) -> None:
        """Raise UserError unless this is one of `kinds`."""
        if self.kind not in kinds:
            wanted = " or ".join(map(with_article, kinds))
            raise self.error(f"is {with_article(self.kind)}, where {wanted} was expected")

    # Objects

    @property
    def members(self) -> dict[str, Node]:
        """By key; of a key written twice the last, as Python's json has it. {} of no object."""
        if self._members is None:
            self._members = self._scan_members() if self.kind == "object" else {}
        return self._members

    def _scan_members(self) -> dict[str, Node]:
        status, end, spans = scan.members(self.source.data, self.start, self.stop, _MOST_MEMBERS)
        found: dict[str, Node] = {}
        inside = self
        for key_start, key_stop, start, stop in spans.tolist():
            if start:  # Or the file was cut off before the value.
                key = str(json_values.value(self, key_start, key_stop))
                found[key] = Node(self.source, start, stop or self.stop, self, key)
                inside = self if stop else found[key]
        if status != scan.OK:
            raise _broken(status, end, inside)
        self.stop = end
        return found

    def get(self, *path: str) -> Node | None:
        """The member at the end of `path`; None if one is absent or null."""
        node: Node | None = self
        for key in path:
            node = node.members.get(key) if node else None
        return None if node is None or node.kind == "null" else node

    # Scalars; each takes a path of keys, none for the value itself

    def number(self, *path: str) -> float | None:
        """A number, or a string that is one (``"inf"``); None if absent or null."""
        node = self.get(*path)
        if node is None:
            return None
        node.expect("number", "string")
        value = node.value()
        if (number := json_values.as_float(value)) is None:
            raise node.error(f"is {shown(value)}, where a number was expected")
        return number

    def count(self, *path: str) -> int | None:
        """A whole number that fits in 64 bits; None if absent, null or NaN."""
        node = self.get(*path)
        if node is None:
            return None
        node.expect("number")
        value = node.value()
        if (whole := json_values.whole(value)) is None and not json_values.is_nan(value):
            raise node.error(f"is {shown(value)}, where a whole number was expected")
        return whole

    def text(self, *path: str) -> str | None:
        """The value as a string; None if absent or null."""
        node = self.get(*path)
        if node is None:
            return None
        node.expect("string")
        return str(node.value())

    def flag(self, *path: str) -> bool | None:
        """The value as a boolean; None if absent or null."""
        node = self.get(*path)
        if node is None:
            return None
        node.expect("boolean")
        return bool(node.value())

    def value(self) -> Any:
        """Decoded whole, for small values: an error above 64 MiB."""
        return json_values.value(self, self.start, self.stop)

    # Lists; each takes a path too

    def elements(self, *path: str) -> Iterator[Node]:
        """The elements of a list, one after the other; none if it is absent or null."""
        node = self.get(*path)
        index = 0
        for spans in () if node is None else node._spans():
            for start, stop in spans.tolist():
                yield Node(self.source, start, stop, node, index)
                index += 1

    def floats(self, *path: str) -> Floats | None:
        """A list of numbers as float64 [n], exactly as Python's float() reads them; null as NaN."""
        node = self.get(*path)
        if node is None:
            return None
        numbers = np.empty(node._room(), np.float64)
        return numbers[: node._read_into(numbers)]

    def counts(self, *path: str) -> Ints | None:
        """A list of whole numbers as int64 [n]; null as -1."""
        node = self.get(*path)
        if node is None:
            return None
        slices = node._slices()
        pieces = [json_values.counts(node, start, stop, UNKNOWN) for start, stop, _ in slices]
        return np.concatenate([np.empty(0, np.int64), *pieces])

    def ragged(self, *path: str) -> Gaps | None:
        """A list of lists of numbers, flat with offsets; null as NaN, a null list as empty."""
        node = self.get(*path)
        if node is None:
            return None
        numbers = np.empty(node._room(), np.float64)
        ends = [0]
        for start, stop, many in node._slices():
            n = ends[-1]
            if many == 1:  # It may be as long as the file.
                row = Node(self.source, start, stop, node, len(ends) - 1).get()
                ends.append(n if row is None else n + row._read_into(numbers[n:]))
            else:
                rows = json_values.rows(node, start, stop)
                ends += [n := n + len(row) for row in rows]
                piece = np.fromiter(chain.from_iterable(rows), np.float64)
                numbers[n - len(piece) : n] = piece
        return Gaps(numbers[: ends[-1]], np.array(ends, np.int64))

    def texts(self, *path: str) -> Iterator[list[str | None]]:
        """A list of strings, some at a time: what is not kept costs no memory."""
        node = self.get(*path)
        if node is not None:
            for start, stop, _ in node._slices():
                yield json_values.texts(node, start, stop)

    def _read_into(self, numbers: Floats) -> int:
        """Decode this list into `numbers`, which has room; how many they are."""
        n = 0
        for start, stop, _ in self._slices():
            piece = json_values.floats(self, start, stop)
            numbers[n : n + len(piece)] = piece
            n += len(piece)
        return n

    def _room(self) -> int:
        """As many numbers as the list can hold at most."""
        return 1 + int(scan.count(self.source.data, self.start, self.stop, ord(",")))

    def _spans(self) -> Iterator[Ints]:
        """Where elements begin and end [n, 2], about a MiB at a time; the array is used again."""
        self.expect("list")
        spans = np.empty((_SLICE_ELEMENTS, 2), np.int64)
        at, stop = self.start + 1, self.stop - 1
        while at < stop:
            status, at, n = scan.elements(self.source.data, at, stop, spans, _SLICE)
            if status != scan.OK:
                raise _broken(status, at, self)
            if n:
                yield spans[:n]

    def _slices(self) -> Iterator[tuple[int, int, int]]:
        """Where a run of whole elements begins and ends, and how many they are."""
        for spans in self._spans():
            yield int(spans[0, 0]), int(spans[-1, 1]), len(spans)


class Document:
    """The JSON values of a file: one, or several one after the other (JSON lines)."""

    def __init__(self, source: Source) -> None:
        self.source = source
        at = int(scan.skip_space(source.data, source.start, source.size))
        if at == source.size:
            raise source.error("has nothing but blanks")
        self.first = Node(source, at, source.size)
        if self.first.kind == "object":
            _ = self.first.members  # Finds the end too: gigabytes are scanned once.
        else:
            _find_end(self.first)
        self._rest = int(scan.skip_space(source.data, self.first.stop, source.size))
        self.several = self._rest < source.size
        """More than one value."""
        if self.several:
            self.first._key = "line 1"

    def values(self) -> Iterator[Node]:
        """Every value. Among several, ``where`` is the line."""
        source = self.source
        yield self.first
        at, line, counted = self._rest, 1, source.start
        while at < source.size:
            line += int(scan.count(source.data, counted, at, ord("\n")))
            counted = at
            node = Node(source, at, source.size, None, f"line {line}")
            _find_end(node)
            yield node
            at = int(scan.skip_space(source.data, node.stop, source.size))


def _find_end(node: Node) -> None:
    status, end = scan.skip_value(node.source.data, node.start, node.stop)
    if status != scan.OK:
        raise _broken(status, end, node)
    node.stop = int(end)


def _broken(status: int, at: int, node: Node) -> UserError:
    source = node.source
    what = f"the {node.kind} {shown(node.where)}" if node.where else f"its {node.kind}"
    if status == scan.TRUNCATED:
        return source.error(f"ends inside {what} (byte {at:,}): it was cut off; copy it again")
    if status == scan.TOO_MANY:
        return source.error(f"nests deeper or lists more in {what} than any tool (byte {at:,})")
    found = shown(bytes(source.data[at : at + 1]).decode("latin-1"))
    return source.error(f"is not valid JSON: {found} at byte {at:,}, in {what}, is out of place")
