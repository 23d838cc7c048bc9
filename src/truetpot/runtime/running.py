"""Which kernel is running right now, told to the process that supervises this one.

A kernel of someone else can end the process that calls it. The command then runs in a child, which
leaves its position in a file that outlives it: a store into mapped memory is there for the parent
even after a SIGKILL, and takes no system call. The parent is ``truetpot.cli.supervise``.
"""

from __future__ import annotations

import ctypes
import json
import math
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

VARIABLE = "TRUETPOT_SUPERVISED"
"""The folder that parent and child share; set for the child alone."""
SIGNALS = frozenset(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""What a user or a batch system ends a program with; Windows has no SIGHUP."""
_PR_SET_PDEATHSIG = 1
_SIZE = 4096
_TEXT = 1024
"""Bytes for the kernel's name, after one that says whether the child is within its code."""
_TRIAL = 1024
"""Where the trial stands that a search is at: when it is to be given up, then its name."""
_NAME = _TRIAL + 8
_LOST = 2048
"""Where the reason begins for which the child gave up."""
_CODE = 4000
"""Where the exit code stands in decimal, once the command has come to its end."""
_NOW, _BLAMED, _KEPT = "now", "blamed.json", "record.json"


@dataclass(frozen=True)
class Left:
    """What a child left behind."""

    who: str
    """The last kernel of someone else that was called; empty if there was none."""
    inside: bool
    """Whether that call had not returned."""
    lost: str
    """Why the child gave up, where it did."""
    code: int | None
    """The command's exit code; None where the command did not come to its end."""
    trial: str = ""
    """Of a search that was under way; empty where there was none."""


class Position:
    """The child's side: where it is, and what is known from the children before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (folder / _NOW).open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        blamed = folder / _BLAMED
        self.blamed: dict[str, str] = json.loads(blamed.read_text()) if blamed.exists() else {}
        """By kernel, how it ended a child: it is not called again."""

    def enter(self, who: bytes) -> bytes:
        """From now on the kernel of this name runs (see :func:`encoded`); what stood there."""
        before = self._map[:_TEXT]
        self._map[:_TEXT] = who
        return before

    def leave(self, before: bytes | None = None) -> None:
        """It has returned, to the one that stood there before it if that has not."""
        if before is not None and before[0]:
            self._map[:_TEXT] = before
        else:
            self._map[0] = 0

    def refused(self, who: str) -> str:
        """Why the kernel is not called again; empty where it may be."""
        return self.blamed.get(who) or self.blamed.get(who.partition(" (")[0], "")

    def begin(self, trial: str, limit_s: float) -> None:
        """A trial begins, which is given up after so many seconds."""
        text = trial.encode()[: _LOST - _NAME - 1]
        self._map[_NAME:_LOST] = text.ljust(_LOST - _NAME, b"\0")
        self._map[_TRIAL:_NAME] = struct.pack("d", time.monotonic() + limit_s)

    def end(self) -> None:
        """Say that the trial is over."""
        self._map[_TRIAL:_LOST] = bytes(_LOST - _TRIAL)

    def give_up(self, reason: str) -> NoReturn:
        """End this process, because the kernel left nothing to go on with."""
        text = reason.encode()[: _CODE - _LOST - 1]
        self._map[_LOST : _LOST + len(text)] = text
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(1)

    def finish(self, code: int) -> None:
        """The command has come to its end: whatever ends this process now takes nothing along."""
        text = b"%d" % code
        self._map[_CODE : _CODE + len(text)] = text

    def keep(self, record: dict[str, Any], path: str | None, going_on: bool) -> None:
        """What is known so far and where it is to be written, should this process be ended.

        ``going_on``: the next child takes this up and goes on; else the record is the end of it.
        """
        self.put(_KEPT, json.dumps([record, path, going_on]).encode())

    def put(self, name: str, content: bytes) -> None:
        """Leave something for the next child; whole or not at all."""
        new = self.folder / f"{name}.new"
        new.write_bytes(content)
        new.replace(self.folder / name)

    def get(self, name: str) -> bytes | None:
        """What the child before left under the name; None where there is nothing."""
        file = self.folder / name
        return file.read_bytes() if file.exists() else None


@contextmanager
def in_trial(name: str, limit_s: float) -> Iterator[str]:
    """Around one trial of a search: a supervisor ends it after the limit, and starts a new process.

    Gives how it ended a process before this one, empty where it did not: it is not tried again.
    """
    here = position()
    if here is None:
        yield ""
        return
    fatal = here.blamed.get(name, "")
    if not fatal:
        here.begin(name, limit_s)
    try:
        yield fatal
    finally:
        here.end()


def encoded(who: str) -> bytes:
    """A kernel's name as :meth:`Position.enter` takes it."""
    return (b"\1" + who.encode()[: _TEXT - 1]).ljust(_TEXT, b"\0")


_here: list[Position] = []


def position() -> Position | None:
    """Where a supervised process says where it is; None in any other."""
    return _here[-1] if _here else None


def supervised() -> Position | None:
    """Take over from the environment that a supervisor made; None where there is none."""
    folder = os.environ.pop(VARIABLE, None)
    if folder is None:
        return None
    die_with_parent()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*SIGNALS, signal.SIGCHLD})
    _here.append(Position(Path(folder)))
    return _here[-1]


def die_with_parent() -> None:
    """On Linux, a parent that is killed takes this process along from now on."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def prepare(folder: Path, blamed: dict[str, str]) -> None:
    """The parent's side, before a child starts."""
    (folder / _NOW).write_bytes(bytes(_SIZE))
    (folder / _BLAMED).write_text(json.dumps(blamed))


def left(folder: Path) -> Left:
    """What the child said last."""
    now = (folder / _NOW).read_bytes()
    who, trial, lost, code = (
        now[start:end].split(b"\0")[0].decode(errors="replace")
        for start, end in ((1, _TEXT), (_NAME, _LOST), (_LOST, _CODE), (_CODE, _SIZE))
    )
    return Left(who, bool(now[0]), lost, int(code) if code else None, trial)


def overdue(folder: Path) -> bool:
    """Whether the child is in a trial that has had its time."""
    with (folder / _NOW).open("rb") as file:
        file.seek(_TRIAL)
        (end,) = struct.unpack("d", file.read(8))
    return math.isfinite(end) and 0 < end < time.monotonic()


def kept(folder: Path) -> tuple[dict[str, Any], str | None, bool] | None:
    """Record, path and whether more was to come, as :meth:`Position.keep` left them."""
    file = folder / _KEPT
    if not file.exists():
        return None
    record, path, going_on = json.loads(file.read_text())
    return record, path, going_on
