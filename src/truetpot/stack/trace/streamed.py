"""A JSON file of any size, a value of its outermost list at a time."""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from truetpot.errors import UserError
from truetpot.text import escaped

CHUNK = 1 << 20
MOST_VALUE = 64 << 20
"""Characters of one value; an event has some hundred."""
MOST_BYTES = 64 << 30
"""Of a whole trace, after decompression: what goes on for longer is no trace."""
_BLANK = re.compile(r"[ \t\r\n]*")
_END = ""
Event = tuple[str, Any]


class Scanner:
    """Walks over the text of a file; holds a chunk and the value at hand, never the whole file."""

    def __init__(self, file: BinaryIO, shown: str, what: str) -> None:
        self.file, self.shown, self.what = file, shown, what
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        # a trace of names from a compiler has raw control characters in its strings
        self._json = json.JSONDecoder(strict=False)
        self._text, self._at, self._read, self._ended = "", 0, 0, False

    def events(self, name: str = "traceEvents") -> Iterator[Event]:
        """``(name, event)`` for each value of that list, ``(key, value)`` for what is beside it.

        A file that is a list alone counts as that list. Raises UserError where it is no JSON, or
        ends before its end.
        """
        first = self._peek()
        if first == "[":
            yield from ((name, one) for one in self._items())
        elif first == "{":
            yield from self._members(name)
        else:
            raise self.wrong("it is no JSON")

    def wrong(self, why: str) -> UserError:
        """The sentence for a file that is not what it should be."""
        return UserError(f"{self.shown} cannot be read as a trace ({why}); give {self.what}.")

    def _members(self, name: str) -> Iterator[Event]:
        self._at += 1
        while self._peek() != "}":
            key = self._value()
            if not isinstance(key, str) or self._peek() != ":":
                raise self.wrong("it is no valid JSON")
            self._at += 1
            if key == name and self._peek() == "[":
                yield from ((name, one) for one in self._items())
            else:
                yield key, self._value()
            self._comma("}")

    def _items(self) -> Iterator[Any]:
        self._at += 1
        while self._peek() != "]":
            yield self._value()
            self._comma("]")
        self._at += 1

    def _comma(self, end: str) -> None:
        mark = self._peek()
        if mark == ",":
            self._at += 1
        elif mark == _END:
            raise self._cut_off()
        elif mark != end:
            raise self.wrong("it is no valid JSON")

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except RecursionError:
                raise self.wrong("it nests too deep") from None
            except MemoryError:
                raise UserError(
                    f"There is not enough memory to read {self.shown}; free some."
                ) from None
            except json.JSONDecodeError as error:
                if self._more(max(CHUNK, len(self._text) - self._at)):
                    continue
                cut = error.pos >= len(self._text) - 1 or "Unterminated" in error.msg
                if cut and self._ended:
                    raise self._cut_off() from None
                raise self.wrong("it is no valid JSON") from None
            except ValueError:
                raise self.wrong("it has a number of thousands of digits") from None
            # a number at the end of what was read may go on
            if end < len(self._text) or not self._more(CHUNK):
                self._at = end
                return value

    def _peek(self) -> str:
        """The next character that is not blank; empty at the end of the file."""
        while True:
            match = _BLANK.match(self._text, self._at)
            self._at = self._at if match is None else match.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(CHUNK):
                return _END

    def _more(self, size: int) -> bool:
        """Read on; False at the end of the file, or where one value is too long."""
        if self._ended or len(self._text) - self._at > MOST_VALUE:
            return False
        try:
            content = self.file.read(size) or b""
        except EOFError:
            raise self._cut_off() from None
        except (OSError, zlib.error) as error:
            raise self.wrong(escaped(str(error)) or "it is damaged") from None
        self._read += len(content)
        if self._read > MOST_BYTES:
            raise self.wrong("it goes on for more than 64 GB")
        self._ended = not content
        self._text = self._text[self._at :] + self._decoder.decode(content, final=self._ended)
        self._at = 0
        return not self._ended

    def _cut_off(self) -> UserError:
        return UserError(
            f"{self.shown} ends before its end: the trace was cut off; copy it again, or record "
            "fewer steps."
        )
