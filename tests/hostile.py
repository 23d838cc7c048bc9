"""Files that nobody means to give, and what happens to a command that gets one.

Used by the tests of every reader of foreign files: only UserError may come out, soon.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from truetpot.errors import UserError

CPU_S, WALL_S = 3.0, 20.0
"""What a reader may take: of the processor, and by the clock on a machine that others use."""

TEXTS = {
    "empty": b"",
    "blanks": b" \n\t\n",
    "nul": b"\0" * 100,
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "latin-1": b'{"a": "\xe9"}',
    "lists": b"[" * 100_000,
    "objects": b'{"a":' * 100_000,
    "closed lists": b"[" * 100_000 + b"]" * 100_000,
    "a list": b"[1, 2]",
    "a string": b'"model"',
    "a number": b"1e400",
    "huge number": b'{"a": 1' + b"0" * 400 + b"}",
    "thousands of digits": b'{"a": ' + b"9" * 10_000 + b"}",
    "not a number": b'{"a": NaN, "b": Infinity}',
    "lone surrogate": b'{"a\\ud800": "\\udfff"}',
    "escape": b'{"model_type": "\\u001b[2J\\u202e"}',
    "long line": b"a" * 2_000_000,
    "cut off": b'{"model_type": "qwen2", "hidden_',
    "gguf": b"GGUF\x03\0\0\0" + b"\0" * 100,
    "gzip": b"\x1f\x8b\x08\0" + b"\0" * 100,
    "git lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "pickle": b"\x80\x04\x95" + b"\0" * 100,
}


def special_files(folder: Path) -> dict[str, Path]:
    """What is no regular file, or far too large, by name."""
    made = {name: folder / f"hostile-{name}" for name in ("pipe", "socket", "folder", "sparse")}
    os.mkfifo(made["pipe"])
    listener = socket.socket(socket.AF_UNIX)
    try:
        before = Path.cwd()
        os.chdir(folder)  # the name of a socket has room for some hundred characters
        listener.bind(made["socket"].name)
        os.chdir(before)
    finally:
        listener.close()
    made["folder"].mkdir()
    with made["sparse"].open("wb") as file:
        file.truncate(3 << 30)
    made["gguf"] = folder / "hostile.gguf"
    with made["gguf"].open("wb") as file:
        file.write(b"GGUF\x03\0\0\0")
        file.truncate(3 << 30)
    return made | {name: Path("/dev", name) for name in ("zero", "random", "tty")}


SPECIAL = ("pipe", "socket", "folder", "sparse", "gguf", "zero", "random", "tty")


def refused(read: Callable[[], object]) -> str:
    """The one sentence that comes out, and soon."""
    with soon(), pytest.raises(UserError) as caught:
        read()
    return check_sentence(str(caught.value))


def read_or_refused(read: Callable[[], object]) -> None:
    """It is read, or refused in a sentence; either way soon."""
    with soon():
        try:
            read()
        except UserError as error:
            check_sentence(str(error))


@contextmanager
def soon() -> Iterator[None]:
    """It neither waits nor reads gigabytes."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    assert time.process_time() - cpu < CPU_S
    assert time.perf_counter() - wall < WALL_S


def check_sentence(sentence: str) -> str:
    """One line that a terminal can show, not longer than someone reads."""
    assert sentence.isprintable() or not sentence.isascii()
    assert not set(sentence) & {"\n", "\r", "\x1b", "\u202e"}
    assert sentence.endswith(".")
    assert len(sentence) < 1000, sentence
    sentence.encode()
    return sentence
