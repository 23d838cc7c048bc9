"""The tests one after the other, each in a process of its own; the record is whole after each."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from truetpot import __version__
from truetpot.errors import UserError
from truetpot.facts.hardware import recognise
from truetpot.files import read_attribute
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
from truetpot.text import one_line
from truetpot.validate.baseline import kind_of
from truetpot.validate.conclude import FINISHED, concluded, overall, to_repeat
from truetpot.validate.judge import Yardsticks, judged
from truetpot.validate.limits import load_limits
from truetpot.validate.measured import Measured, Reading, Setting
from truetpot.validate.plan import Job, Level, Test, jobs
from truetpot.validate.sisters import with_sisters

CHILD = "truetpot.validate.child"
DEVICES = "devices"
DEVICES_LIMIT_S = 120.0
RECORD = "measured.json"
Key = tuple[str, str]


@dataclass(frozen=True)
class Ask:
    """What is to be run."""

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
class Attempts:
    """What the runs of one test gave so far."""

    ended: list[Ended] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)

    def readings(self) -> list[tuple[Reading, list[float]]]:
        """Each figure's last reading, and all its values."""
        values: dict[str, list[float]] = {}
        last: dict[str, Reading] = {}
        for one in self.measured:
            for reading in one.readings:
                values.setdefault(reading.name, []).append(reading.value)
                last[reading.name] = reading
        return [(reading, values[name]) for name, reading in last.items()]


@dataclass
class Run:
    """A run: what was found, what was done."""

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
        self.devices = [_device(one) for one in measured.found[DEVICES]]

    def check_resumed(self, before: ValidateRecord) -> None:
        """Raise UserError where an earlier run is not one that this can go on from."""
        mine = {one.device: _physical(one) for one in self.devices}
        theirs = {one.device: _physical(one) for one in before.devices}
        if (before.level, before.small) != (self.ask.level.value, self.ask.small):
            raise UserError(
                f"The run to go on from is of level {before.level}; give the same level and sizes."
            )
        if mine != theirs:
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
        for job in todo:
            if job.key in before:
                row = before[job.key]
            elif job.why_not:
                row = self._row(job, StepOutcome.NOT_RUN, job.why_not)
            else:
                row = self._test(job, begin)
            self._keep(job, row)
            yield self.rows[job.key]
            if row.outcome is StepOutcome.INTERRUPTED:
                raise KeyboardInterrupt
        if not self.ask.small:
            yield from self._sisters([job for job in todo if job.key in self._attempts], begin)
        self.partial = False
        self.write(self.record())

    def record(self) -> ValidateRecord:
        """As it stands."""
        rows = list(self.rows.values())
        return ValidateRecord(
            started=self.started,
            command=command(),
            truetpot=__version__,
            python=platform.python_version(),
            os=platform.platform(),
            host=platform.node(),
            machine_id=_machine_id(),
            level=self.ask.level.value,
            small=self.ask.small,
            partial=self.partial,
            verdict=overall(rows),
            baseline=self.ask.baseline_file or None,
            devices=self.devices,
            tests=rows,
        )

    def _test(self, job: Job, begin: Callable[[str, str, float], None]) -> ValidatedTest:
        """Once, and twice more where a figure is below a limit."""
        begin(job.test.name, job.where, job.part.limit_s)
        self._keep(job, self._row(job, StepOutcome.STARTED, "it had begun, and nothing came after"))
        row = self._again(job)
        while to_repeat(row.figures) and len(self._attempts[job.key].ended) < job.test.attempts:
            time.sleep(self.ask.cool_s)
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
                time.sleep(self.ask.cool_s)
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
        hardware = {one.device: one.hardware for one in self.devices}
        limits = load_limits()
        for row in with_sisters(list(self.rows.values()), kinds, limits.sisters):
            by = Yardsticks(limits, hardware.get(row.device))
            self.rows[row.name, row.device] = concluded(row, by) if row.figures else row

    def _yardsticks(self, job: Job) -> Yardsticks:
        kinds = {one.device: one.kind_of_card for one in self.devices}
        hardware = {one.device: one.hardware for one in self.devices}
        # of cards together: one kind, or no entry of a card's
        key = hardware.get(job.where) if job.where in hardware else _one({*hardware.values()})
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
        self.rows[job.key] = row
        self.write(self.record())

    def _child(self, asked: Setting, limit_s: float, folder: str) -> tuple[Ended, Measured | None]:
        """Run a test; what it left, whatever ended it."""
        place = self.work / folder
        place.mkdir(parents=True, exist_ok=True)
        record = place / RECORD
        ended = run_child([self.child, as_line(asked), str(record)], place, limit_s, {})
        measured = None
        with suppress(OSError, msgspec.MsgspecError, RecursionError):
            measured = msgspec.json.decode(record.read_bytes(), type=Measured)
        return ended, measured


def _one(names: set[str | None]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


def _device(identity: dict[str, object]) -> ValidatedDevice:
    name, memory = str(identity["name"]), identity.get("memory_bytes")
    size = memory if isinstance(memory, int) else None
    card = recognise(name, size)
    parts = [name, f"{size / 2**30:.0f} GiB" if size else "", identity.get("pci_device_id")]
    return ValidatedDevice(
        device=str(identity["device"]),
        identity=identity,  # type: ignore[arg-type]
        hardware=None if card is None else card.key,
        kind_of_card=", ".join(str(part) for part in parts if part),
    )


def _physical(device: ValidatedDevice) -> tuple[object, ...]:
    known = device.identity
    return known["name"], known.get("uuid"), known.get("pci_address")


def _machine_id() -> str | None:
    """man machine-id: it should not be exposed, a keyed hash of it may be."""
    known = read_attribute(Path("/etc/machine-id"))
    return hashlib.sha256(f"truetpot {known}".encode()).hexdigest()[:16] if known else None
