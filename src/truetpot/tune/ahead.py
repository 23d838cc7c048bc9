"""The next configurations compiled in other processes, in a phase of its own before a trial.

While anything is timed nothing compiles: a phase ends when every process has answered, or has been
ended because it took too long. Of what a phase finds nothing is used but the caches on disk: a
configuration whose compiler crashes or hangs there is tried like any other, and blamed for itself.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait

from truetpot.ops.registry import Config
from truetpot.records.tune import Compiled
from truetpot.tune.compiling import COMPILED
from truetpot.tune.space import key
from truetpot.tune.subject import Subject

MOST_S = 60.0
"""A phase at most: what takes longer to compile is left to its trial."""
MOST_JOBS = 8
"""Processes, where the user does not say: each has a context and a copy of the case on the card."""
LEAST_JOBS = 2
"""With fewer nothing is gained, and nothing is compiled here."""
FARTHER = 4
"""Times as many as there are processes are looked at for those that are not compiled yet."""


@dataclass
class Process:
    """One that compiles, for one search after another."""

    popen: subprocess.Popen[bytes]
    connection: Connection

    def end(self) -> None:
        """End a process that answers no more."""
        self.connection.close()
        self.popen.kill()
        self.popen.wait()


@contextmanager
def compilers() -> Iterator[list[Process]]:
    """A list for the processes of several searches; they end with it."""
    processes: list[Process] = []
    try:
        yield processes
    finally:
        for process in processes:
            process.end()


@dataclass
class Ahead:
    """What is compiled for one search; no process is started before the first phase."""

    subject: Subject
    jobs: int
    """Processes at most."""
    limit_s: float = MOST_S
    processes: list[Process] = field(default_factory=list)
    """Those at hand: of the search before, whose imports the next one need not wait for again."""
    phases: int = 0
    compiled: int = 0
    """Configurations whose compilation succeeded in a phase."""
    used: int = 0
    """Trials whose configuration was among them."""
    _seen: dict[object, bool] = field(default_factory=dict)
    """Configurations that a phase had, and whether they were compiled."""

    def prepare(self, upcoming: Callable[[int], Sequence[Config]]) -> None:
        """Before the trial of the first of what is ``upcoming``: compile it with the next ones.

        ``upcoming`` gives at most as many as it is asked for, the likeliest first.
        """
        if self.jobs < LEAST_JOBS:
            return
        first, *others = upcoming(FARTHER * self.jobs)
        if key(first) not in self._seen:
            new = [config for config in others if key(config) not in self._seen]
            self._phase([first, *new[: self.jobs - 1]])
        self.used += self._seen.get(key(first), False)

    def _phase(self, configs: Sequence[Config]) -> None:
        """One configuration a process."""
        self.phases += 1
        end = time.monotonic() + self.limit_s
        busy: dict[Connection, tuple[Process, Config]] = {}
        while len(self.processes) < len(configs):
            self.processes.append(_start())
        for process, config in zip([*self.processes], configs, strict=False):
            self._seen[key(config)] = False
            try:
                process.connection.send((self.subject, config))
            except OSError:  # it has ended before: its kernel cannot even be loaded
                self._lose(process)
            else:
                busy[process.connection] = process, config
        while busy and (ready := wait([*busy], max(0.0, end - time.monotonic()))):
            for connection in ready:
                assert isinstance(connection, Connection)
                process, config = busy.pop(connection)
                try:
                    self._seen[key(config)] = connection.recv_bytes() == COMPILED
                    self.compiled += self._seen[key(config)]
                except (EOFError, OSError):  # the compiler has ended it
                    self._lose(process)
        for process, _ in busy.values():  # at work still, and nothing may be beside a timing
            self._lose(process)
        if not self.compiled:  # nor would another phase: it costs the start of every process
            self.close()
            self.jobs = 0

    def _lose(self, process: Process) -> None:
        process.end()
        self.processes.remove(process)

    def close(self) -> None:
        """End the processes; they have memory of the device."""
        for process in self.processes:
            process.end()
        self.processes.clear()

    def record(self) -> Compiled | None:
        """What was done; None where nothing was."""
        if not self.phases:
            return None
        return Compiled(phases=self.phases, compiled=self.compiled, used=self.used)


def _start() -> Process:
    ours, theirs = Pipe()
    # what kernels and compilers print there is printed by the trial too; a Ctrl-C is ours to take
    popen = subprocess.Popen(
        [sys.executable, "-m", "truetpot.tune.compiling", str(theirs.fileno())],
        pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    theirs.close()
    return Process(popen, ours)
