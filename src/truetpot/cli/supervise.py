"""Run the command in a child, because kernels of someone else take part: one can end its process.

The child is this very command line again. It says which kernel it is in
(``truetpot.runtime.running``); when it is gone without having come to its end, that kernel is
blamed, and the next child goes on without it. Where there is nothing to go on with, what was known
is written down here.

A search of launch parameters is watched in any case: some of what it tries crashes a compiler, or
hangs a device. It says which trial it is at. That trial alone is blamed, also where it has to be
ended from here because it took too long.
"""

from __future__ import annotations

import importlib.metadata
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from truetpot.errors import UserError
from truetpot.exits import ExitCode
from truetpot.report.terminal import Terminal
from truetpot.runtime.distributed.placement import find_placement
from truetpot.runtime.running import SIGNALS, VARIABLE, Left, kept, left, overdue, prepare

MOST_ENDS = 8
"""An operator of a provider that ended the process so often is not called any more at all."""
_CALLING_KERNELS = ("decode", "doctor", "isa", "kernels", "launch", "providers", "tune")
_LOOK_S = 1.0
_BY_THE_TERMINAL = 0x80
"""``si_code`` of what the kernel sends: SI_KERNEL."""


def at_risk(arguments: Sequence[str]) -> bool:
    """Whether kernels of someone else take part in the command.

    A rank's do not count: it is watched by the others, and by its launcher.
    """
    if not arguments or arguments[0] not in _CALLING_KERNELS:
        return False
    if not hasattr(signal, "sigtimedwait"):  # Windows: a child cannot be waited for as here
        return False
    try:
        if find_placement() is not None:
            return False
    except UserError:  # the command says it
        return False
    if arguments[0] == "tune":
        return True
    if any(one == "--kernels" or one.startswith("--kernels=") for one in arguments):
        return True
    return bool(importlib.metadata.entry_points(group="truetpot.kernels"))


def supervise(arguments: Sequence[str]) -> int:
    """The exit code of the command. 1 if a kernel ended it, whatever else is well."""
    blamed: dict[str, str] = {}
    trials: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="truetpot-") as temporary:
        folder = Path(temporary)
        while True:
            prepare(folder, blamed | trials)
            status, told = _run(arguments, folder)
            last = left(folder)
            if last.code is not None:
                return last.code or (ExitCode.INVALID if blamed else 0)
            if told is not None:  # by the user, or a batch system
                return 128 + told
            how = last.lost or _how(status)
            if last.trial and last.trial not in trials:
                late = "took too long and was ended" if overdue(folder) else f"ended it ({how})"
                trials[last.trial] = f"a process before this one was in it: it {late}"
                Terminal().status(f"truetpot: {last.trial}: {trials[last.trial]}.", style="")
                continue
            if not last.who:
                Terminal().status(f"truetpot: the run ended before its end ({how}).", style="")
                return ExitCode.CRASH
            sentence = _sentence(last, how)
            Terminal().status(f"truetpot: {last.who} {sentence}.", style="")
            again = last.who in blamed
            _blame(blamed, last.who, sentence)
            if again or not _goes_on(folder):
                _write(folder, f"{last.who} {sentence}")
                return ExitCode.INVALID


def _blame(blamed: dict[str, str], who: str, sentence: str) -> None:
    blamed[who] = sentence
    kernel = who.partition(" (")[0]
    if sum(one.partition(" (")[0] == kernel for one in blamed) >= MOST_ENDS:
        blamed[kernel] = f"ended the process {MOST_ENDS} times: {sentence}"


def _sentence(last: Left, how: str) -> str:
    if last.lost:
        return f"left nothing to go on with ({how})"
    if last.inside:
        return f"ended the process ({how})"
    return f"had returned when the process ended ({how}), the last one that was called"


def _how(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    if status == -signal.SIGKILL:
        return f"signal {-status}, which is also what ends it where memory runs out"
    return f"signal {-status}"


def _goes_on(folder: Path) -> bool:
    what = kept(folder)
    return what is None or what[2]


def _write(folder: Path, sentence: str) -> None:
    """The record as far as it was known, with the kernel to blame."""
    what = kept(folder)
    if what is None or what[1] is None:
        return
    from truetpot.records.store import write_plain

    found, path, _ = what
    assert path is not None
    found["warnings"] = [sentence, *found["warnings"]]
    if "valid" in found:
        found["valid"] = False
    write_plain(found, path)


def _run(arguments: Sequence[str], folder: Path) -> tuple[int, int | None]:
    """A child to its end: its ``returncode``, and the last signal that was passed on to it.

    Child and parent are of one group, as a debugger in a kernel needs the terminal. What the
    terminal sends, both get; what someone sends to this process is passed on.
    """
    environment = {**os.environ, VARIABLE: str(folder)}
    told: int | None = None
    # blocked in the child too, until it has taken over: see running.supervised
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS | {signal.SIGCHLD})
    try:
        child = subprocess.Popen([sys.executable, "-m", "truetpot", *arguments], env=environment)
        while child.poll() is None:
            came = signal.sigtimedwait(SIGNALS | {signal.SIGCHLD}, _LOOK_S)
            if overdue(folder):  # what hangs in a driver hears no signal but this
                child.kill()
                child.wait()
                break
            if came is None or came.si_signo == signal.SIGCHLD:
                continue
            told = came.si_signo
            if came.si_code != _BY_THE_TERMINAL:
                child.send_signal(told)
        return child.returncode, told
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
