"""One step in a process group of its own: whatever it does, what is left of it can be told."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from truetpot.records.words import StepOutcome
from truetpot.text import one_line

LOOK_S = 0.5
"""Between two looks at whether to stop."""
LAST_WORDS_S = 3.0
"""For a process that was asked to end, until it is killed."""
MOST_LOG_BYTES = 256 << 10
"""Of a stream of a step, its end."""
MOST_TRACEBACK = 60
"""Lines."""
CRASH_FILES = "truetpot-crash-*.txt"
"""Where a command puts the traceback of what ended it; see ``truetpot.cli.crash``."""
_OURS = "truetpot: "
"""How a sentence of the command line begins."""
_OUTCOMES = {0: StepOutcome.OK, 1: StepOutcome.INVALID, 2: StepOutcome.REFUSED}
"""By the exit codes of every command; any other is no end of its own."""
_TRACED = re.compile(
    r"^(Traceback \(most recent call last\)|Fatal Python error|Current thread|  File )"
)


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    outcome: StepOutcome
    code: int | None
    seconds: float
    said: str
    traceback: str
    out: str
    """The end of its standard output."""
    err: str


def run_child(
    arguments: Sequence[str],
    folder: Path,
    limit_s: float,
    given: Mapping[str, str],
    stop: Event | None = None,
) -> Ended:
    """Run ``python -m ARGUMENTS`` to its end or its limit, in seconds.

    ``folder`` becomes its temporary folder and has its output; ``given`` are variables beside this
    process's own. One that hangs is sent SIGABRT, which Python's fault handler answers with the
    stack of every thread, then killed with all that it started. Ctrl-C is passed on, and the
    process has a few seconds to write what it has; in a thread, which no Ctrl-C reaches, ``stop``
    does the same.
    """
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        **given,
        "TMPDIR": str(temporary),
        "PYTHONFAULTHANDLER": "1",
        "TRUETPOT_KEEP_TRACEBACKS": "1",
        "COLUMNS": "110",
    }
    out, err = folder / "out.txt", folder / "err.txt"
    began = time.monotonic()
    with out.open("wb") as stdout, err.open("wb") as stderr, _no_core():
        child = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment,
            start_new_session=True,
        )  # fmt: skip
    ended_by: StepOutcome | None = None
    try:
        _wait(child, limit_s, stop or Event())
    except subprocess.TimeoutExpired:
        ended_by = StepOutcome.HUNG
        _ask(child, signal.SIGABRT)
    except KeyboardInterrupt:
        ended_by = StepOutcome.INTERRUPTED
        _ask(child, signal.SIGINT)
    finally:
        with suppress(ProcessLookupError, PermissionError):  # what it started, and left behind
            os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
    seconds = time.monotonic() - began
    told, error = _end_of(out), _end_of(err)
    traceback = _traceback(temporary, error)
    outcome = ended_by or _OUTCOMES.get(code, StepOutcome.CRASHED)
    if outcome is StepOutcome.INVALID and traceback:  # Python's own exit code for an exception
        outcome = StepOutcome.CRASHED
    return Ended(
        outcome, code, seconds, _said(outcome, code, limit_s, error), traceback, told, error
    )


def _wait(child: subprocess.Popen[bytes], limit_s: float, stop: Event) -> None:
    """For its end. Raises KeyboardInterrupt once ``stop`` is set."""
    until = time.monotonic() + limit_s
    while not stop.is_set():
        left = until - time.monotonic()
        try:
            child.wait(min(left, LOOK_S))
        except subprocess.TimeoutExpired:
            if left <= LOOK_S:
                raise
        else:
            return
    raise KeyboardInterrupt


def _ask(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the group and wait a moment."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        child.wait(LAST_WORDS_S)


def _said(outcome: StepOutcome, code: int, limit_s: float, error: str) -> str:
    """One line on how it ended."""
    lines = [line for line in error.splitlines() if line.strip()]
    last = one_line(lines[-1]) if lines else ""
    if outcome is StepOutcome.OK:
        return ""
    if outcome is StepOutcome.HUNG:
        return f"not done after {limit_s:g} s, and ended"
    if outcome is StepOutcome.INTERRUPTED:
        return "interrupted"
    if code < 0:
        return f"ended by {_name(-code)}"
    if outcome is StepOutcome.CRASHED:
        return last.removeprefix(_OURS) or f"ended the process with exit code {code}"
    if outcome is StepOutcome.INVALID and not last.startswith(_OURS):
        return "its result is not to be used: its out.txt says why"
    return last.removeprefix(_OURS)


def _name(number: int) -> str:
    with suppress(ValueError):
        name = signal.Signals(number).name
        return f"{name}, which is also what ends it where memory runs out" if number == 9 else name
    return f"signal {number}"


def _traceback(temporary: Path, error: str) -> str:
    """From the files of crashed commands, else from where one begins on standard error."""
    kept = [_end_of(path) for path in sorted(temporary.glob(CRASH_FILES))]
    lines = error.splitlines()
    first = next((i for i, line in enumerate(lines) if _TRACED.match(line)), None)
    if first is not None:
        kept.append("\n".join(lines[first : first + MOST_TRACEBACK]))
    return "\n".join(kept)


def _end_of(path: Path) -> str:
    """Of a file that a foreign process wrote: links are not followed."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(number, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - MOST_LOG_BYTES))
            return file.read(MOST_LOG_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


@contextmanager
def _no_core() -> Iterator[None]:
    """What is started within it leaves no core file: that has the memory of a card's process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
