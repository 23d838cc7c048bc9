"""One JSON object a request into columns: for the tools that write rows."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from truetpot.serving.readers.document import Document, Node
from truetpot.serving.records import UNKNOWN, Counting, Floats, Gaps, Ints, Requests, Totals

NAN = float("nan")
_MOST_ERRORS = 100
_LONGEST_ERROR = 200


def objects(document: Document) -> Iterator[Node]:
    """The values of a file; of a list among them, its elements."""
    for node in document.values():
        if node.kind == "list":
            yield from node.elements()
        else:
            yield node


def added(*counts: int) -> int:
    """Their sum; -1 if one is unknown or the sum is beyond 64 bits, as no real one is."""
    total = sum(counts)
    return total if min(counts) >= 0 and total < 1 << 63 else UNKNOWN


class Record:
    """A small JSON object, decoded once: several times faster than a Node for each of its values.

    What is not plainly of the right type is asked of the Node, which knows the place of an error.
    """

    __slots__ = ("node", "value")

    def __init__(self, node: Node) -> None:
        node.expect("object")
        self.node, self.value = node, node.value()

    def _at(self, path: tuple[str, ...]) -> Any:
        value = self.value
        for key in path:
            if type(value) is not dict:
                return None
            value = value.get(key)
        return value

    def number(self, *path: str) -> float:
        """The value as a number; NaN if absent or null."""
        value = self._at(path)
        if type(value) is float:
            return value
        if value is None:
            return NAN
        found = self.node.number(*path)
        return NAN if found is None else found

    def count(self, *path: str) -> int:
        """-1 if absent or null."""
        value = self._at(path)
        if type(value) is int and abs(value) < 1 << 62:
            return value
        if value is None:
            return UNKNOWN
        found = self.node.count(*path)
        return UNKNOWN if found is None else found

    def text(self, *path: str) -> str | None:
        """The value as a string; None if absent or null."""
        value = self._at(path)
        return value if value is None or type(value) is str else self.node.text(*path)

    def floats(self, *path: str) -> Floats | None:
        """A list of numbers as float64 [n]; null as NaN."""
        value = self._at(path)
        if type(value) is list and set(map(type, value)) <= {float}:
            return np.array(value, np.float64)
        return None if value is None else self.node.floats(*path)

    def counts(self, *path: str) -> Ints | None:
        """A list of whole numbers as int64 [n]; null as -1."""
        value = self._at(path)
        return None if value is None else self.node.counts(*path)


class Rows:
    """Requests added one after the other. Eight bytes a number, and not much more while it grows.

    A column that no request filled is left out of the result.
    """

    def __init__(self) -> None:
        self._prompt, self._chars, self._blanks = array("q"), array("q"), array("q")
        self._cached, self._silent, self._first = array("q"), array("q"), array("q")
        self._share = array("d")
        self._tokens = {counting: array("q") for counting in Counting}
        self._ttft, self._latency, self._start = array("d"), array("d"), array("d")
        self._ok = bytearray()
        self._finish: list[str] = []
        self._errors: dict[str, int] = {}
        self._gaps, self._offsets = array("d"), array("q", [0])
        self.has_gaps = False

    def __len__(self) -> int:
        return len(self._ok)

    def add(
        self,
        *,
        tokens: Mapping[Counting, int],
        ttft: float = NAN,
        latency: float = NAN,
        start: float = NAN,
        prompt: int = UNKNOWN,
        cached: int = UNKNOWN,
        gaps: Floats | None = None,
        first_tokens: int = UNKNOWN,
        first_share: float = NAN,
        silent: int = UNKNOWN,
        text: str | None = None,
        finish: str | None = None,
        ok: bool = True,
        error: str = "",
    ) -> None:
        """Times in seconds, NaN where unknown; counts -1. `error` is empty for a good request."""
        for counting, column in self._tokens.items():
            column.append(tokens.get(counting, UNKNOWN))
        self._prompt.append(prompt)
        self._cached.append(cached)
        self._silent.append(silent)
        self._first.append(first_tokens)
        self._share.append(first_share)
        self._ttft.append(ttft)
        self._latency.append(latency)
        self._start.append(start)
        self._ok.append(ok)
        self._finish.append(finish or "")
        self._chars.append(UNKNOWN if text is None else len(text))
        self._blanks.append(UNKNOWN if text is None else len(text) - len("".join(text.split())))
        if gaps is not None:
            self.has_gaps = True
            self._gaps.frombytes(gaps.tobytes())
        self._offsets.append(len(self._gaps))
        if error:
            message = error[:_LONGEST_ERROR]
            if message in self._errors or len(self._errors) < _MOST_ERRORS:
                self._errors[message] = self._errors.get(message, 0) + 1

    def requests(self, *countings: Counting) -> Requests:
        """The columns. The first of `countings` that the file has stands for the tool's own."""
        columns = {key: np.array(column, np.int64) for key, column in self._tokens.items()}
        counting = next((c for c in countings if (columns[c] != UNKNOWN).any()), countings[-1])
        start, chars = np.array(self._start), np.array(self._chars, np.int64)
        cached, silent = np.array(self._cached, np.int64), np.array(self._silent, np.int64)
        first, share = np.array(self._first, np.int64), np.array(self._share)
        seconds = np.frombuffer(self._gaps) if len(self._gaps) else np.empty(0)
        return Requests(
            prompt_tokens=np.array(self._prompt, np.int64),
            output_tokens={
                key: column
                for key, column in columns.items()
                if key is counting or (column != UNKNOWN).any()
            },
            counting=counting,
            ttft_s=np.array(self._ttft),
            latency_s=np.array(self._latency),
            latency_from_gaps=False,
            ok=np.array(self._ok, np.bool_),
            start_s=None if np.isnan(start).all() else start,
            gaps=Gaps(seconds, np.array(self._offsets, np.int64)) if self.has_gaps else None,
            text_chars=chars if (chars != UNKNOWN).any() else None,
            blank_chars=np.array(self._blanks, np.int64) if (chars != UNKNOWN).any() else None,
            finish_reasons=tuple(self._finish) if any(self._finish) else None,
            errors=self._errors,
            cached_tokens=cached if (cached != UNKNOWN).any() else None,
            first_tokens=first if (first != UNKNOWN).any() else None,
            first_share=None if np.isnan(share).all() else share,
            silent=silent if (silent != UNKNOWN).any() else None,
        )

    def totals(self) -> Totals:
        """How many requests there are, and how many of them are ok."""
        failed = self._ok.count(0)
        return Totals(attempted=len(self), completed=len(self) - failed, failed=failed)
