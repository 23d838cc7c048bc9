"""Files of others are looked at before they are read.

A path that a user gives can be a pipe, a device, a folder, or 40 GB of weights. Reading one of
those as if it were a small text blocks, or takes the machine's memory.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any, BinaryIO

from truetpot.errors import UserError
from truetpot.files.paths import kind_of, shortened_path, why
from truetpot.text import escaped

MOST_BYTES = 64 << 20
"""Of a record or an index: they are far smaller, and what is larger is something else."""

_MAGIC = {
    b"GGUF": "a GGUF model file",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\xfd7zXZ\x00": "an xz file",
    b"BZh": "a bzip2 file",
    b"\x7fELF": "a program",
    b"PAR1": "a Parquet file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3": "an SQLite database",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF document",
    b"version https://": "a Git LFS pointer and not the file itself (git lfs pull gets it)",
    b"\x80\x02": "a Python pickle",
    b"\x80\x04": "a Python pickle",
}
_SAFETENSORS = re.compile(rb".{5}\0{3}\{", re.DOTALL)
"""The length of a JSON header in eight bytes, lowest first, and its first character."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_ATTRIBUTE_BYTES = 1 << 20


def open_regular(path: str | Path, what: str) -> BinaryIO:
    """A regular file, opened for reading, at its start; the caller closes it.

    ``what`` is what the file should be, for the sentence: "a record of truetpot decode --json".
    Raises UserError for anything else than a regular file, and for one that cannot be read.
    """
    shown = shortened_path(path)
    # without O_NONBLOCK the opening of a pipe that nobody writes to never ends
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        # looked at before it is opened: opening some devices does something
        mode = Path(path).stat().st_mode
        if stat.S_ISREG(mode):
            file = os.fdopen(os.open(path, flags | getattr(os, "O_NOCTTY", 0)), "rb")
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode):
                return file
            file.close()
    except (OSError, ValueError) as error:
        raise UserError(f"{shown} cannot be read: {why(error)}; give {what}.") from None
    raise UserError(f"{shown} is {kind_of(mode)}; give {what}.")


def read_bytes(path: str | Path, what: str, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most ``most`` bytes.

    Raises UserError as ``open_regular`` does, for a larger file, and for one that starts like a
    known binary format: its first bytes are looked at before it is read.
    """
    shown = shortened_path(path)
    with open_regular(path, what) as file:
        try:
            first = file.read(16) or b""  # None where the kernel has nothing to give now
            if found := known_format(first):
                raise UserError(f"{shown} is {found}; give {what}.")
            size = os.fstat(file.fileno()).st_size
            # a file may grow while it is read, and those of /proc have no size
            content = first if size > most else first + (file.read(most + 1 - len(first)) or b"")
        except OSError as error:
            raise UserError(f"{shown} cannot be read: {why(error)}; give {what}.") from None
        except MemoryError:
            raise UserError(f"There is not enough memory to read {shown}; free some.") from None
    if (size := max(size, len(content))) > most:
        raise UserError(
            f"{shown} has {size / 1e6:,.1f} MB, and at most {most / 1e6:,.1f} MB are read of "
            f"{what}; give another file."
        )
    return content


def read_text(path: str | Path, what: str, most: int = MOST_BYTES) -> str:
    """The same as text in UTF-8, a byte-order mark dropped. Raises UserError for other bytes."""
    content, shown = read_bytes(path, what, most), shortened_path(path)
    if content.startswith(_WIDE):
        raise UserError(f"{shown} is text in UTF-16; save it as UTF-8.")
    if (zero := content.find(0)) >= 0:
        raise UserError(f"{shown} is no text (byte {zero} is zero); give {what}.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start
    raise UserError(f"{shown} is no text in UTF-8 (byte {offset}); give {what}.")


def read_json(path: str | Path, what: str, most: int = MOST_BYTES) -> Any:
    """The value in a JSON file. Raises UserError for anything else, however deep it nests.

    NaN and Infinity are values, as Python's json writes them; of a key written twice the last one
    counts.
    """
    text, shown = read_text(path, what, most), shortened_path(path)
    if not text.strip():
        raise UserError(f"{shown} is empty; give {what}.")
    try:
        return json.loads(text)
    except RecursionError:
        reason = "it nests too deep"
    except MemoryError:
        raise UserError(f"There is not enough memory to read {shown}; free some.") from None
    except ValueError as error:
        # a number of more than 4,300 digits is a ValueError too, with a sentence of its own
        located = isinstance(error, json.JSONDecodeError)
        reason = escaped(str(error)) if located else "it has a number of thousands of digits"
    raise UserError(f"{shown} is not valid JSON ({reason}); give {what}.")


def read_attribute(path: str | Path) -> str | None:
    """What the kernel says in a file of /proc or /sys, without white space at the ends.

    None where there is no such file, it is empty, or it cannot be read; at most 1 MiB of it.
    """
    try:
        with open_regular(path, "a file of the kernel") as file:
            content = file.read(_ATTRIBUTE_BYTES) or b""
    except (UserError, OSError):  # some attributes are listed and fail when they are read
        return None
    return content.decode(errors="replace").strip() or None


def known_format(first: bytes) -> str | None:
    """What a file is, by its first 16 bytes, if that is a binary format that people have."""
    if _SAFETENSORS.match(first):
        return "a safetensors file"
    return next((name for magic, name in _MAGIC.items() if first.startswith(magic)), None)
