"""A result file, opened: its bytes, the errors that name it, and its lines if it is text."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from truetpot.errors import UserError
from truetpot.files import is_folder, is_there, known_format, open_regular, shortened_path
from truetpot.serving.readers.noise import blanked

LONGEST_LINE = 1 << 16
"""Bytes of a line that are looked at: no tool writes a longer one that a reader wants."""
WHOLE = 2 << 30
"""Bytes of a file that is read whole."""
_HEAD = 1 << 16
_BOM = b"\xef\xbb\xbf"
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ": "xz",
    b"BZh": "bzip2",
}
_WIDE = (b"\xff\xfe", b"\xfe\xff")
# ECMA-48: control sequences (colours), then titles and links, then character sets and the cursor.
_ESCAPES = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78])"
_TERMINAL = re.compile(_ESCAPES)
_TERMINAL_BYTES = re.compile(_ESCAPES.encode())


class Source:
    """The text of one regular file as UTF-8, without terminal colours, and what is said of it.

    A file of up to ``WHOLE`` bytes is read, so that nothing that happens to it later matters. A
    larger one is mapped, where memory would not hold it: pages come and go as they are read, and
    a program that cuts it off meanwhile ends this one.
    """

    def __init__(self, path: Path) -> None:
        self.name = shortened_path(path)
        if is_folder(path):
            raise self.error("is a directory: name one result file in it")
        if not is_there(path):
            raise self.error("does not exist: name a file that a serving benchmark wrote")
        with open_regular(path, "a result file on disk") as file:
            try:
                self.size = os.fstat(file.fileno()).st_size
                self._refuse_binary(file.read(min(_HEAD, self.size)) or b"")
                file.seek(0)
                content = self._content(file)
            except (OSError, ValueError) as error:
                raise self.error(f"cannot be read: {error}") from None
        self.written = self._plain(content)
        """With the lines that :meth:`without_noise` blanks: a driver may name a card there."""
        self._hold(self.written)

    def _hold(self, content: bytes | mmap.mmap) -> None:
        self.map, self.size = content, len(content)
        self.data: NDArray[np.uint8] = np.frombuffer(content, np.uint8)
        self.start = len(_BOM) if content[:3] == _BOM else 0

    def _plain(self, content: bytes | mmap.mmap) -> bytes | mmap.mmap:
        """PowerShell's ``>`` writes UTF-16, a terminal's log has colours: neither is content."""
        if isinstance(content, mmap.mmap):
            return content
        if content.startswith(_WIDE):
            content = content.decode("utf-16", "replace").encode("utf-8", "replace")
            self._refuse_binary(content[:_HEAD])
        return _TERMINAL_BYTES.sub(b"", content) if b"\x1b" in content else content

    def without_noise(self) -> Source | None:
        """The same file with blanks for lines that no JSON has (:mod:`.noise`); None without any,
        and for a file that is too large to be held twice."""
        clean = None if isinstance(self.map, mmap.mmap) else blanked(self.map)
        if clean is None:
            return None
        source = copy(self)
        source._hold(clean)
        return source

    def _content(self, file: BinaryIO) -> bytes | mmap.mmap:
        if self.size > WHOLE:
            return mmap.mmap(file.fileno(), self.size, access=mmap.ACCESS_READ)
        try:
            content = file.read(self.size)
        except MemoryError:
            raise self.error("needs more memory than there is") from None
        if len(content) != self.size:
            raise self.error("was cut off while it was read: copy it again")
        return content

    def _refuse_binary(self, head: bytes) -> None:
        """By the first bytes, before gigabytes are read."""
        if not head:
            raise self.error("is empty: the benchmark may have been stopped before it wrote")
        for mark, name in _PACKED.items():
            if head.startswith(mark):
                raise self.error(f"is packed with {name}: unpack it first")
        if head.startswith(_WIDE):
            if self.size > WHOLE:
                raise self.error("is UTF-16 text of more than 2 GiB: save it as UTF-8")
            return
        if found := known_format(head[:16]):
            raise self.error(f"is {found}: name what the benchmark wrote")
        if (zero := head.find(0)) >= 0:
            raise self.error(f"is no text: byte {zero:,} is zero")

    def error(self, sentence: str) -> UserError:
        """`sentence` begins with a verb, the file being its subject, and has no full stop."""
        return UserError(f"{self.name} {sentence}.")

    def error_in_line(self, line: int, sentence: str) -> UserError:
        """The same with a place; `sentence` is a whole one."""
        return UserError(f"{self.name}, line {line}: {sentence}.")

    def head(self) -> str:
        """The first 64 KiB, decoded."""
        return self.map[self.start : self.start + _HEAD].decode("utf-8", "replace")

    def has(self, mark: bytes) -> bool:
        """Whether `mark` occurs anywhere: the cheap way to recognise a log."""
        return self.map.find(mark) >= 0

    def lines(self) -> Iterator[tuple[int, str]]:
        """Numbered from 1, without the line end and terminal colours; a progress bar's carriage
        return ends a line too, under the same number. Bytes that are no UTF-8 become U+FFFD."""
        at, number = self.start, 0
        while at < self.size:
            number += 1
            end = self.map.find(b"\n", at)
            end = self.size if end < 0 else end
            text = self.map[at : min(end, at + LONGEST_LINE)].decode("utf-8", "replace")
            for part in text.rstrip("\r").split("\r"):
                yield number, _TERMINAL.sub("", part) if "\x1b" in part else part
            at = end + 1

    def lines_and_ends(self) -> Iterator[tuple[int, str, bool]]:
        """The same, and whether the line has its end: in the last one a number may be cut."""
        before: tuple[int, str] | None = None
        for line in self.lines():
            if before:
                yield *before, True
            before = line
        if before:
            yield *before, self.map[-1:] in (b"\n", b"\r")
