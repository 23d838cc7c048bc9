"""Signals that end a run as Ctrl-C does: what was measured until then is written and shown."""

from __future__ import annotations

import _thread
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from truetpot.exits import ExitCode
from truetpot.runtime.running import SIGNALS

LATER_S = 0.05
ONE_S = 2.0
"""Signals that follow within this time are the same wish: ``timeout`` sends its signal twice."""


class Interrupts:
    """The handler, and which signal came first."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._at = -math.inf

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, once for signals that come together."""
        now = time.monotonic()
        if now - self._at < ONE_S:
            return
        self._at = now
        self.number = self.number or number
        raise KeyboardInterrupt

    def again(self) -> None:
        """The interrupt was raised where Python drops exceptions, in a finaliser: send it anew.

        A moment later, as Python is still at the place where it would be dropped again.
        """
        self._at = -math.inf
        number = signal.Signals(self.number or signal.SIGINT)
        main = threading.main_thread().ident
        if main is not None and hasattr(signal, "pthread_kill"):
            later = threading.Timer(LATER_S, signal.pthread_kill, (main, number))
        else:
            later = threading.Timer(LATER_S, _thread.interrupt_main, (number,))
        later.daemon = True
        later.start()

    @property
    def code(self) -> int:
        """The exit code of an interrupted run."""
        return ExitCode.INTERRUPTED if self.number is None else 128 + self.number


@contextmanager
def interrupting(last: bool = False) -> Iterator[Interrupts]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt as SIGINT does.

    A signal that is ignored stays so: ``nohup`` means it. ``last`` where the process ends after
    this: its exit code is settled, and no signal changes that while libraries end their threads.
    """
    caught = Interrupts()
    before: dict[int, Any] = {}
    hook = sys.unraisablehook

    def dropped(what: sys.UnraisableHookArgs) -> None:
        if issubclass(what.exc_type, KeyboardInterrupt):
            caught.again()
        else:
            hook(what)

    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, caught.handle)
        sys.unraisablehook = dropped
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if last else handler)
        sys.unraisablehook = hook
