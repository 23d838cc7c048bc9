"""The tests one after the other, each in a process of its own; the record is whole after each."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

import msgspec

from truetpot import __version__
from truetpot.errors import UserError
from truetpot.records.opening import command, now
from truetpot.records.store import as_line
from truetpot.records.validate import (
    BaselineRecord,
    ValidatedDevice,
    ValidatedTest,
    ValidateRecord,
)
from truetpot.records.words import StepOutcome
from truetpot.runtime.child import Ended, run_child
from truetpot.runtime.host import machine_id
from truetpot.text import one_line
from truetpot.validate.attempts import Attempts
from truetpot.validate.baseline import kind_of
from truetpot.validate.cards import device_row, hardware_of, same_cards
from truetpot.validate.conclude import FINISHED, concluded, overall, to_repeat
from truetpot.validate.judge import Yardsticks, judged
from truetpot.validate.limits import load_limits
from truetpot.validate.measured import Measured, Setting
from truetpot.validate.plan import Job, Level, Test, jobs
from truetpot.validate.sisters import with_sisters

CHILD = "truetpot.validate.child"
DEVICES = "devices"
DEVICES_LIMIT_S = 120.0
RECORD = "measured.json"
Key = tuple[str, str]


@dataclass(frozen=True)
class Ask:
    """What a run of `validate` is asked to do."""

    device: str
    """`auto`, `all`, or names separated by commas."""
    level: Level
    tests: tuple[Test, ...]
    small: bool = False
    seconds: float | None = None
    """For each measurement at most, instead of the level's."""
    cool_s: float = 0.0
    baseline: BaselineRecord | None = None
    baseline_file: str = ""


@dataclass
class Run:
    """A run of `validate`: what was found so far, what is done."""

    ask: Ask
    work: Path
    """Where the tests run; whoever made it takes it away."""
    write: Callable[[ValidateRecord], None]
    """Called after each test, and before it."""
    done: tuple[ValidatedTest, ...] = ()
    """Of an earlier run, which this one goes on from."""
    child: str = CHILD
    started: str = field(default_factory=now)
    partial: bool = True
    devices: list[ValidatedDevice] = field(default_factory=list)
    rows: dict[Key, ValidatedTest] = field(default_factory=dict)
    _attempts: dict[Key, Attempts] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _stop: Event = field(default_factory=Event)

    def find_devices(self) -> None:
        """Ask a process for the devices. Raises UserError where it does not tell."""
        asked = Setting(
            test=DEVICES, devices=[self.ask.device], seconds=0, level=self.ask.level.value
        )
        ended, measured = self._child(asked, DEVICES_LIMIT_S, DEVICES)
        if ended.outcome is StepOutcome.INTERRUPTED:
            raise KeyboardInterrupt
        if ended.outcome is not StepOutcome.OK or measured is None:
            said = ended.said.rstrip(".") or "it left nothing"
            if ended.outcome is StepOutcome.REFUSED:
                raise UserError(f"{said}.")
            raise UserError(
                f"Asking for devices did not end well ({one_line(said)}); run truetpot doctor."
            )
        self.devices = [device_row(one) for one in measured.found[DEVICES]]

    def check_resumed(self, before: ValidateRecord) -> None:
        """Raise UserError where an earlier run is not one that this can go on from."""
        if (before.level, before.small) != (self.ask.level.value, self.ask.small):
            raise UserError(
                f"The run to go on from is of level {before.level}; give the same level and sizes."
            )
        if before.seconds != self.ask.seconds:
            had = "no --seconds" if before.seconds is None else f"--seconds {before.seconds:g}"
            raise UserError(f"The run to go on from has {had}; give the same.")
        if not same_cards(self.devices, before.devices):
            raise UserError("The run to go on from is of other cards; begin a new one.")

    def run(
        self, begin: Callable[[str, str, float], None] = lambda name, where, limit_s: None
    ) -> Iterator[ValidatedTest]:
        """Each test's row as it ends; those that sisters send back are run again, and told again.

        Ctrl-C ends the test that runs, and is raised after it.
        """
        before = {(row.name, row.device): row for row in self.done if row.outcome in FINISHED}
        names = [one.device for one in self.devices]
        todo = list(jobs(self.ask.tests, self.ask.level, names, self.ask.seconds))
        for test in self.ask.tests:
            mine = [job for job in todo if job.test is test]
            left = [job for job in mine if job.key not in before and not job.why_not]
            for job in mine:
                if job.key in before:
                    self._keep(job, before[job.key])
                elif job.why_not:
                    self._keep(job, self._row(job, StepOutcome.NOT_RUN, job.why_not))
            for jobs_at_once in [left] if test.together and left else [[job] for job in left]:
                self._at_once(jobs_at_once, begin)
            for job in mine:
                yield self.rows[job.key]
            if any(self.rows[job.key].outcome is StepOutcome.INTERRUPTED for job in left):
                raise KeyboardInterrupt
        if not self.ask.small:
            yield from self._sisters([job for job in todo if job.key in self._attempts], begin)
        self.partial = False
        self.write(self.record())

    def record(self) -> ValidateRecord:
        """The record of what was measured so far."""
        rows = list(self.rows.values())
        return ValidateRecord(
            started=self.started,
            command=command(),
            truetpot=__version__,
            python=platform.python_version(),
            os=platform.platform(),
            host=platform.node(),
            machine_id=machine_id(),
            level=self.ask.level.value,
            small=self.ask.small,
            seconds=self.ask.seconds,
            partial=self.partial,
            verdict=overall(rows),
            baseline=self.ask.baseline_file or None,
            devices=self.devices,
            tests=rows,
        )

    def _at_once(self, todo: Sequence[Job], begin: Callable[[str, str, float], None]) -> None:
        """Each in a thread of its own, which waits for its process."""
        if len(todo) == 1:
            self._keep(todo[0], self._test(todo[0], begin))
            return
        with ThreadPoolExecutor(len(todo)) as pool:
            running = {pool.submit(self._test, job, begin): job for job in todo}
            try:
                for one in as_completed(running):
                    self._keep(running[one], one.result())
            except BaseException as error:
                self._stop.set()  # the pool waits for all of them
                if isinstance(error, KeyboardInterrupt):
                    for one, job in running.items():
                        self._keep(job, one.result())
                else:
                    raise

    def _test(self, job: Job, begin: Callable[[str, str, float], None]) -> ValidatedTest:
        """Once, and twice more where a figure is below a limit."""
        begin(job.test.name, job.where, job.part.limit_s)
        self._keep(job, self._row(job, StepOutcome.STARTED, "it had begun, and nothing came after"))
        row = self._again(job)
        # three whatever the second gives: of two the median is a mean, which one of them can move
        repeats = job.test.attempts - 1 if to_repeat(row.figures) else 0
        for _ in range(repeats):
            if row.outcome is not StepOutcome.OK:
                break
            self._stop.wait(self.ask.cool_s)
            row = self._again(job)
        return row

    def _again(self, job: Job) -> ValidatedTest:
        """One process more, and the row of all so far."""
        attempts = self._attempts.setdefault(job.key, Attempts())
        asked = Setting(
            test=job.test.name,
            devices=list(job.devices),
            seconds=job.part.seconds,
            level=self.ask.level.value,
            small=self.ask.small,
        )
        folder = f"{job.test.name}-{job.where.replace(':', '-')}-{len(attempts.ended)}"
        ended, measured = self._child(asked, job.part.limit_s, folder)
        attempts.ended.append(ended)
        attempts.measured += [] if measured is None else [measured]
        by = self._yardsticks(job)
        row = self._row(job, ended.outcome, ended.said)
        last = measured or Measured()
        if last.not_here and ended.outcome is StepOutcome.OK:
            row = self._row(job, StepOutcome.NOT_RUN, last.not_here)
        row = msgspec.structs.replace(
            row,
            figures=[judged(job.test.name, one, values, by) for one, values in attempts.readings()],
            seconds=round(sum(one.seconds for one in attempts.ended), 3),
            code=ended.code,
            traceback=ended.traceback,
            bad_memory=next(
                (one.bad_memory for one in attempts.measured if one.bad_memory), last.bad_memory
            ),
            series=last.series,
            found=last.found,
        )
        return concluded(row, by)

    def _sisters(
        self, todo: Sequence[Job], begin: Callable[[str, str, float], None]
    ) -> Iterator[ValidatedTest]:
        """Hold equal cards against each other; measure again what only then is below a limit."""
        self._hold_to_sisters()
        again = [
            job
            for job in todo
            if to_repeat(self.rows[job.key].figures)
            and len(self._attempts[job.key].ended) < job.test.attempts
        ]
        for job in again:
            begin(job.test.name, job.where, job.part.limit_s)
            while len(self._attempts[job.key].ended) < job.test.attempts:
                self._stop.wait(self.ask.cool_s)
                self._keep(job, self._again(job))
                if self.rows[job.key].outcome is not StepOutcome.OK:
                    break
            if self.rows[job.key].outcome is StepOutcome.INTERRUPTED:
                raise KeyboardInterrupt
        if again:
            self._hold_to_sisters()
        for job in again:
            yield self.rows[job.key]

    def _hold_to_sisters(self) -> None:
        kinds = {one.device: one.kind_of_card for one in self.devices}
        limits = load_limits()
        for row in with_sisters(list(self.rows.values()), kinds, limits.sisters):
            by = Yardsticks(limits, hardware_of(self.devices, row.device))
            self.rows[row.name, row.device] = concluded(row, by) if row.figures else row

    def _yardsticks(self, job: Job) -> Yardsticks:
        kinds = {one.device: one.kind_of_card for one in self.devices}
        key = hardware_of(self.devices, job.where)
        figures = () if self.ask.baseline is None else self.ask.baseline.figures
        card = kind_of(self._row(job, StepOutcome.NOT_RUN, ""), kinds)
        of_card = [one for one in figures if one.card == card]
        return Yardsticks(
            load_limits(), key, of_card, self.ask.baseline_file, performance=not self.ask.small
        )

    def _row(self, job: Job, outcome: StepOutcome, said: str) -> ValidatedTest:
        ended = outcome not in (StepOutcome.OK, StepOutcome.NOT_RUN, StepOutcome.STARTED)
        row = ValidatedTest(
            name=job.test.name, about=job.test.about, device=job.where, verdict=overall(()),
            outcome=outcome, figures=[], said=said, do=job.test.do if ended else "",
            limit_s=job.part.limit_s, seconds=0.0, code=None, traceback="",
        )  # fmt: skip
        return concluded(row, Yardsticks(load_limits(), None))

    def _keep(self, job: Job, row: ValidatedTest) -> None:
        with self._lock:  # tests of several cards may be under way
            self.rows[job.key] = row
            self.write(self.record())

    def _child(self, asked: Setting, limit_s: float, folder: str) -> tuple[Ended, Measured | None]:
        """Run a test; what it left, whatever ended it."""
        own = self.work / folder
        own.mkdir(parents=True, exist_ok=True)
        record = own / RECORD
        ended = run_child([self.child, as_line(asked), str(record)], own, limit_s, {}, self._stop)
        measured = None
        with suppress(OSError, msgspec.MsgspecError, RecursionError):
            measured = msgspec.json.decode(record.read_bytes(), type=Measured)
        return ended, measured
