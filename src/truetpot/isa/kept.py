"""What was compiled and counted, kept by content in the user's cache folder.

What was compiled is kept by all that the compiler was given; what was counted in it also by the
code that counted. So a run that was ended goes on where it was, and one that is repeated compiles
and counts only what changed.
"""

from __future__ import annotations

import hashlib
import logging
import zlib
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

import truetpot
from truetpot import kernels
from truetpot.errors import OutputError, UserError
from truetpot.files import read_bytes, user_folder, write_whole
from truetpot.records.store import as_line

MOST_BYTES = 256 << 20
"""Of one thing that is kept, unpacked."""
T = TypeVar("T")

log = logging.getLogger(__name__)


def folder() -> Path:
    """Where all of it is."""
    return user_folder("XDG_CACHE_HOME", ".cache") / "truetpot" / "isa"


def name_of(*words: str) -> str:
    """The name that something is kept under: of all that it was made of."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def is_kept(name: str) -> bool:
    """Whether there is such a file, whatever it holds."""
    return (folder() / name).is_file()


def load(name: str, kind: type[T]) -> T | None:
    """What is kept; None where nothing is, or a file that is torn or not ours."""
    file = folder() / name
    if not file.is_file():
        return None
    try:
        content = read_bytes(file, "a file of the cache")
        if not content.startswith(b"{"):  # older ones are plain
            unpacked = zlib.decompressobj()
            content = unpacked.decompress(content, MOST_BYTES)
            if not unpacked.eof:
                return None
        return msgspec.json.decode(content, type=kind)
    except (UserError, zlib.error, msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def save(name: str, value: msgspec.Struct) -> None:
    """Another process sees all of the file or none of it."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        packed = zlib.compress(as_line(value).encode())
        write_whole(folder() / name, packed, "XDG_CACHE_HOME")
    except (OSError, OutputError) as error:  # a full disk or a read-only home only costs time
        log.info("the cache cannot keep what was compiled: %s", error)


@cache
def this_code() -> str:
    """A digest of this package and its kernels: what others counted is counted anew."""
    root, ours = Path(truetpot.__file__).parent, Path(kernels.__file__).parent
    files = {
        file
        for part in (*root.iterdir(), *ours.iterdir())
        for file in ([part] if part.is_file() else part.rglob("*"))
        if file.suffix in (".py", ".toml", ".cl", ".clh")
    }
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()
