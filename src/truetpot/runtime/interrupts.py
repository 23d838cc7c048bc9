"""Signals that end a run, kept off for as long as a record is being written."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from truetpot.runtime.running import SIGNALS


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore the signals while a record is written: a second one must not undo the first."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
