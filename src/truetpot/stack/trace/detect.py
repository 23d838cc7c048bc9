"""Which profiler wrote a file: by its first bytes, never by its name."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from truetpot.errors import UserError
from truetpot.files import known_format, open_regular, shortened_path
from truetpot.stack.trace import nsys_sqlite
from truetpot.stack.trace.formats import BY_TEXT, read_json
from truetpot.stack.trace.model import Trace
from truetpot.stack.trace.opened import WHAT, Opened, Reader

HEAD = 256 << 10
"""Bytes by which a format is known: a log has other lines before its first."""
MOST_PLAIN = 16 << 30
_GZIP = b"\x1f\x8b"
_SQLITE = b"SQLite format 3"


def read_trace(path: str | Path) -> Trace:
    """The trace in a file. Raises UserError for one that is none, is damaged, or is cut off."""
    shown = shortened_path(path)
    with closing(open_regular(path, WHAT)) as file:
        first = file.read(16) or b""
        size = os.fstat(file.fileno()).st_size
        file.seek(0)
        if not first.strip():
            raise UserError(f"{shown} is empty; give {WHAT}.")
        if first.startswith(_SQLITE):
            return nsys_sqlite.read(Opened(file, Path(path), shown))
        packed = first.startswith(_GZIP)
        if not packed and (found := known_format(first)):
            raise UserError(f"{shown} is {found}; give {WHAT}.")
        if not packed and size > MOST_PLAIN:
            raise UserError(f"{shown} has more than {MOST_PLAIN >> 30} GiB; record fewer steps.")
        plain: BinaryIO = file
        if packed:
            plain = io.BufferedReader(gzip.GzipFile(fileobj=file), 1 << 20)
        opened = Opened(plain, Path(path), shown)
        try:
            head = plain.read(HEAD)
            plain.seek(0)
            reader = _reader(head, opened)
            return reader(opened)
        except EOFError:
            raise opened.wrong("it is a gzip file that was cut off") from None
        except (OSError, zlib.error):
            raise opened.wrong("it is damaged or cannot be read") from None


def _reader(head: bytes, opened: Opened) -> Reader:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start in (b"{", b"["):
        return read_json
    if b"\0" in head:
        raise opened.wrong("it is no text")
    text = head.decode("utf-8", errors="replace")
    for known, reader in BY_TEXT:
        if known(text):
            return reader
    raise opened.wrong("no profiler's mark is in its first 256 KiB")
