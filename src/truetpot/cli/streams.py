"""Standard output and error that a run outlasts: a closed pipe or a full disk does not end it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class Lasting:
    """Stands before a text stream. What cannot be written is dropped, and the reason kept."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None
        """Why something was dropped; None where the reader has closed the pipe, for he wants no
        more."""

    def write(self, text: str) -> int:
        """Write the text to the stream underneath."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Write out what the stream still holds."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # whoever wrote there would go around this
            raise AttributeError(name)
        return getattr(self._stream, name)

    def _give_up(self, error: OSError) -> None:
        if error.errno != errno.EPIPE:
            self.error = self.error or error
        with suppress(OSError, ValueError):  # what is still buffered has to go somewhere
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


@contextmanager
def lasting() -> Iterator[Lasting | None]:
    """Both streams; gives standard output, to be asked in the end.

    A character that the encoding does not have is replaced, not raised.
    """
    before = sys.stdout, sys.stderr
    out, err = (_lasting(stream) for stream in before)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield out
    finally:
        for stream in (out, err):
            if stream is not None:
                stream.flush()
        sys.stdout, sys.stderr = before


def _lasting(stream: TextIO | None) -> Lasting | None:
    """None as it is: Python has no stream where the process was started without one."""
    if stream is None:
        return None
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return Lasting(stream)
