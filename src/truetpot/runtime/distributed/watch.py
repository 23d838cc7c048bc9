"""A thread in each rank that ends the rank when another is lost, so that none waits for ever.

Twice a second a rank writes into the run's store that it lives, how much work it has done, and
whether it waits for others; and reads the same of them. A rank that stops writing was killed or
stopped. One that writes, but does no work while others wait for it, has hung. Either is named in
one sentence, what was measured is saved, and the process ends; a lost one on the same machine is
ended too. The thread takes SIGTERM, SIGHUP and SIGINT as well: the main thread may be deep inside a
collective, where Python's handlers do not run.
"""

from __future__ import annotations

import _thread
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import psutil

from truetpot.errors import UserError
from truetpot.exits import ExitCode
from truetpot.text import escaped

_LIMIT = "TRUETPOT_RANK_TIMEOUT_S"
MOST_LIMIT_S = 7 * 24 * 3600
PERIOD_S = 0.5
SILENT_S = 10.0
"""A rank that has not written for so long is gone."""
END_S = 10 * PERIOD_S
LINGER_S = 1.5
"""How long a failed rank stays: it may keep the store by which the others learn of it."""
AFTER_INTERRUPT_S = 4.0
"""How long the main thread has to end by itself after a Ctrl-C."""


def _end(code: int) -> NoReturn:
    """Without the interpreter's clean-up, which would wait for the thread that is stuck."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


def limit_s() -> float:
    """How long ranks wait for each other, ``TRUETPOT_RANK_TIMEOUT_S`` or 20 s.

    Raises UserError where that is no time.
    """
    text = os.environ.get(_LIMIT) or "20"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_LIMIT_S:
        raise UserError(
            f"{_LIMIT}={text!r} is no number of seconds; give one up to {MOST_LIMIT_S:.0f}, or "
            "unset it."
        )
    return seconds


def quiet() -> bool:
    """Whether ``truetpot`` itself started this rank, and says what went wrong for all of them."""
    return "TRUETPOT_LAUNCHED" in os.environ


def held_signals() -> list[signal.Signals]:
    """Those that end a run: SIGHUP is not among them under ``nohup``."""
    held = [signal.SIGTERM, signal.SIGINT]
    return held if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [*held, signal.SIGHUP]


def hold_signals() -> None:
    """Leave the signals to the watch; before any thread is started, they inherit it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, held_signals())


class Watch:
    """What one rank tells of itself, and what it sees of the others."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size
        self.save: Callable[[], None] = lambda: None
        self._store: Any = None
        self._meetings = self._work = 0
        self._waits_since: float | None = None
        self._stopped = threading.Event()
        self._parent = os.getppid()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._failing = threading.Lock()

    @property
    def patience_s(self) -> float:
        """How long it may take until a lost rank is known to be one."""
        return SILENT_S + 4 * PERIOD_S

    def start(self, store: Any) -> None:
        """Watch, by a store that no other thread uses."""
        self._store = store
        self._thread.start()

    def stop(self) -> None:
        """All is done: whoever goes from now on may go.

        The thread is waited for: at the interpreter's end it would abort the process where it is in
        a call of the store.
        """
        self._stopped.set()
        self._thread.join(END_S)

    def progress(self) -> None:
        """A piece of work is done."""
        self._work += 1

    @contextmanager
    def meeting(self) -> Iterator[None]:
        """Around what only ends when every rank has come."""
        self._meetings += 1
        with self.waiting():
            yield

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around what only ends when every rank has come, and which is not counted."""
        before, self._waits_since = self._waits_since, time.monotonic()
        try:
            yield
        finally:
            self._waits_since = before
            self._work += 1

    def fail(
        self, sentence: str, code: int = ExitCode.MISTAKE, *, signalled: bool = False
    ) -> NoReturn:
        """End this process: save what was measured, tell the launcher, say it once among all."""
        if not self._failing.acquire(blocking=False):
            time.sleep(60)  # another thread is at it, and ends the process
        report(sentence, code, signalled)
        with suppress(Exception):
            self.save()
        if not quiet() and not signalled:
            if self._first():
                sys.stderr.write(f"truetpot: {escaped(sentence)}\n")
            time.sleep(LINGER_S)
        _end(code)

    def _first(self) -> bool:
        """Whether no other rank has said what went wrong."""
        if self._store is None:  # not met yet
            return True
        try:
            return bool(self._store.add("failed", 1) == 1)
        except RuntimeError:  # the store went with whoever had it: nobody else can say it
            return True

    def _run(self) -> None:
        seen = [_Seen(rank) for rank in range(self.size)]
        signals = held_signals()
        while not self._stopped.is_set():
            caught = signal.sigtimedwait(signals, PERIOD_S)
            if self._stopped.is_set():
                return
            if caught is not None:
                self._signalled(caught.si_signo)
            try:
                self._tell()
                lost = self._look(seen)
            except RuntimeError:
                lost = "the launcher, or rank 0, which kept the ranks' store, is gone.", []
            if lost is None and os.getppid() != self._parent:
                lost = f"the launcher of rank {self.rank} is gone.", []
            if lost is not None and not self._stopped.is_set():
                sentence, processes = lost
                for process in processes:
                    with suppress(OSError):
                        os.kill(process, signal.SIGKILL)
                self.fail(sentence)

    def _signalled(self, number: int) -> None:
        if number == signal.SIGINT:
            _thread.interrupt_main()
            if self._stopped.wait(AFTER_INTERRUPT_S):
                return
            with suppress(Exception):
                self.save()
            _end(ExitCode.INTERRUPTED)
        name = signal.Signals(number).name
        told = f"rank {self.rank} was ended from outside ({name})."
        self.fail(told, 128 + number, signalled=True)

    def _tell(self) -> None:
        since = self._waits_since  # read once: the main thread sets it meanwhile
        waits = None if since is None else time.monotonic() - since
        about = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "beat": time.monotonic(),
            "meetings": self._meetings,
            "work": self._work,
            "waits_s": waits,
        }
        self._store.set(f"watch/{self.rank}", json.dumps(about))

    def _look(self, seen: list[_Seen]) -> tuple[str, list[int]] | None:
        """Who is lost, in a sentence, and his process if it is on this machine."""
        names = [f"watch/{rank}" for rank in range(self.size)]
        if not self._store.check(names):  # some have not begun
            return None
        now = time.monotonic()
        for one, text in zip(seen, self._store.multi_get(names), strict=True):
            one.update(json.loads(text), now)
        for one in seen:
            if one.rank != self.rank and now - one.beat_at > SILENT_S:
                return f"rank {one.rank} {one.fate()}; the other ranks were ended.", one.processes()
        if max(one.waits_s for one in seen) < limit_s():
            return None
        # someone waits too long: for those who come to the fewest meetings and do nothing
        fewest = min(one.meetings for one in seen)
        idle = [s for s in seen if s.meetings == fewest and now - s.work_at > 0.8 * limit_s()]
        behind = [s for s in idle if s.waits_s == 0.0]
        if not behind and max(s.waits_s for s in seen) < 1.2 * limit_s():
            return None
        late = behind or idle
        if not late:
            return None
        who = ", ".join(str(one.rank) for one in late)
        where = f" on {late[0].about['host']}" if late[0].about else ""
        return (
            f"rank {who}{where} has hung: no work for {limit_s():.0f} s while others waited.",
            [pid for one in behind for pid in one.processes()],
        )


class _Seen:
    """What is known of one rank."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.about: dict[str, Any] = {}
        self.beat_at = self.work_at = time.monotonic()

    def update(self, about: dict[str, Any], now: float) -> None:
        if about["beat"] != self.about.get("beat"):
            self.beat_at = now
        if (about["meetings"], about["work"]) != (self.meetings, self.about.get("work")):
            self.work_at = now
        self.about = about

    @property
    def meetings(self) -> int:
        return int(self.about.get("meetings", 0))

    @property
    def waits_s(self) -> float:
        return float(self.about.get("waits_s") or 0.0)

    def processes(self) -> list[int]:
        """His process, where it is on this machine and still there."""
        here = self.about.get("host") == socket.gethostname()
        pid = self.about.get("pid")
        return [int(pid)] if here and pid and psutil.pid_exists(int(pid)) else []

    def fate(self) -> str:
        """In words, as far as it can be seen from here."""
        host, pid = self.about.get("host"), int(self.about.get("pid", 0))
        if host != socket.gethostname():
            return f"on {host} has not answered for {SILENT_S:.0f} s: killed, or cut off"
        try:
            state = psutil.Process(pid).status()
        except (psutil.Error, OSError):
            return f"(process {pid}) was killed"
        if state == psutil.STATUS_ZOMBIE:
            return f"(process {pid}) was killed"
        return f"(process {pid}) has hung: it has not answered for {SILENT_S:.0f} s ({state})"


def report(sentence: str, code: int = ExitCode.MISTAKE, signalled: bool = False) -> None:
    """Leave the sentence and the exit code where torch's launcher looks for a worker's error.

    ``signalled``: this rank does not know the reason, so another's sentence goes before.
    """
    if not (file := os.environ.get("TORCHELASTIC_ERROR_FILE")):
        return
    about = {
        "message": sentence,
        "code": code,
        "signalled": signalled,
        "extraInfo": {"timestamp": str(int(time.time()))},
    }
    with suppress(OSError):
        Path(file).write_text(json.dumps({"message": about}))
