"""A run's record is written while the run goes on: whatever ends it leaves what was measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Protocol, Self

from truetpot.errors import OutputError
from truetpot.files import is_stream
from truetpot.records.opening import Measured
from truetpot.records.store import plain, write_record
from truetpot.runtime.running import position

EVERY_S = 5.0
"""How often during a measurement."""
SHARE = 0.01
"""Of a run's time, at most, for what is written while it goes on."""
WAIT_S = 5.0
"""How long the thread that ends a process waits for one that writes."""
STDOUT = "-"


class Keeps(Protocol):
    """Who is told that a measurement goes on."""

    def tick(self) -> None:
        """Write the record, if it is time: called between samples."""

    def hand_over(self, known: Measured | None = None) -> None:
        """After a stage: what is known, for a supervisor."""


class Keeper:
    """Writes the record of a run: partial ones on the way, and the last.

    ``content`` gives the record as it stands, marked partial; None before anything was measured:
    until then an older record stays. Standard output, a pipe or a device gets the last record only.
    In a ``with`` statement an exception leaves a partial record behind.

    Where a supervisor watches over this process, it is given the same; ``resumes`` says that the
    command goes on in a new process from what is known, should a kernel end this one.
    """

    def __init__(
        self, path: str | None, content: Callable[[], Measured | None], resumes: bool = False
    ) -> None:
        self.path, self._content, self._resumes = path, content, resumes
        self._on_the_way = path is not None and path != STDOUT and not is_stream(path)
        self._lock = Lock()
        self._written, self._took_s = time.monotonic(), 0.0

    def tick(self) -> None:
        """Between two samples: write where the last time is ``EVERY_S`` ago."""
        self._write_after(EVERY_S)

    def case_done(self) -> None:
        """Write now, if that keeps to ``SHARE``."""
        self.hand_over()
        self._write_after(0.0)

    def hand_over(self, known: Measured | None = None) -> None:
        """Tell a supervisor what is known: ``known``, or the content where it is not given."""
        if (here := position()) is not None and (now := known or self._content()) is not None:
            here.keep(plain(now), self.path, self._resumes)

    def lost(self) -> None:
        """Write for the last time, from another thread: the process ends, whatever it is doing."""
        if self._lock.acquire(timeout=WAIT_S):
            self._partial()

    def finish(self, whole: Measured) -> None:
        """Write the last record; one that is partial and without a measurement replaces none.

        Raises OutputError where it cannot be written.
        """
        with self._lock:
            path, self.path = self.path, None  # a rank lost from now on takes nothing with it
            if path is None:
                return
            measured = not whole.partial or self._content() is not None
            if measured or not self._on_the_way or not Path(path).exists():
                write_record(whole, path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            with self._lock, suppress(Exception):  # the first error is the one to be told
                self._partial()

    def _write_after(self, seconds: float) -> None:
        if time.monotonic() - self._written >= max(seconds, self._took_s / SHARE):
            self.hand_over()
            with self._lock:
                self._partial()

    def _partial(self) -> None:
        if self.path is None or not self._on_the_way:
            return
        start = time.monotonic()
        now = self._content()
        if now is not None:
            with suppress(OutputError):  # there may be room again at the end
                write_record(now, self.path)
        self._written = time.monotonic()
        self._took_s = self._written - start
