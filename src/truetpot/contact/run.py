"""The steps one after the other; after each the archive is there whole, whatever comes next."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from truetpot import __version__
from truetpot.contact.archive import MOST_FILE_BYTES, write_archive
from truetpot.contact.redact import Redactor
from truetpot.contact.steps import Known, Step, arguments, expand
from truetpot.errors import UserError
from truetpot.records.contact import ArchivedFile, ContactRecord, StepRow
from truetpot.records.opening import command, now
from truetpot.records.providers import ProvidersRecord
from truetpot.records.store import read_record
from truetpot.records.words import StepOutcome
from truetpot.runtime.child import Ended, run_child

RECORD = "record.json"
PROVIDERS = "providers"
"""The step that names the device, its sisters and the providers for the steps after it."""
LEAST_S = 5.0
"""A step is not begun with less time left than this."""


@dataclass
class Contact:
    """A run: what is known, what was done, and where it goes."""

    steps: tuple[Step, ...]
    known: Known
    work: Path
    """Where the steps run; whoever made it takes it away."""
    archive: Path
    limit_s: float
    """For all steps together."""
    redactor: Redactor
    started: str = field(default_factory=now)
    partial: bool = True
    rows: list[StepRow] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    def run(
        self, begin: Callable[[str, float], None] = lambda name, limit_s: None
    ) -> Iterator[StepRow]:
        """Each step's row as it ends. Ctrl-C ends the step that runs, and is raised after it.

        ``begin`` is told the name and the limit of each step that starts. Raises OutputError where
        the archive cannot be written.
        """
        self.write()
        for step in self.steps:
            for one, why_not in expand(step, self.known):
                row = self._skipped(one, why_not) if why_not else self._run(one, begin)
                self.rows.append(row)
                self.write()
                yield row
                if row.outcome is StepOutcome.INTERRUPTED:
                    raise KeyboardInterrupt
                if one.name == PROVIDERS:
                    self._learn()
        self.partial = False
        self.write()

    def manifest(self) -> ContactRecord:
        """What the archive says of itself, without what is private."""
        whole = ContactRecord(
            started=self.started,
            command=self.redactor.text(command()),
            truetpot=__version__,
            python=platform.python_version(),
            os=self.redactor.text(platform.platform()),
            partial=self.partial,
            device=self.known.device,
            devices=self.redactor.value(list(self.known.devices)),
            steps=self.rows,
            files=[
                ArchivedFile(name=name, step=name.partition("/")[0], size=len(content))
                for name, content in self.files.items()
            ],
            redacted={},
        )
        return msgspec.structs.replace(whole, redacted=self.redactor.counts)

    def write(self) -> None:
        """Write the archive with what there is so far."""
        write_archive(self.archive, self.manifest(), self.files)

    def _run(self, step: Step, begin: Callable[[str, float], None]) -> StepRow:
        left = self.limit_s - (time.monotonic() - self._began)
        if left < LEAST_S:
            return self._skipped(step, f"the {self.limit_s / 60:g} minutes for all steps are over")
        limit_s = round(min(step.limit_s, left), 1)
        words = arguments(step, self.known)
        folder = self.work / step.name
        record = folder / RECORD
        folder.mkdir(exist_ok=True)
        begin(step.name, limit_s)
        row = StepRow(
            name=step.name,
            about=step.about,
            command=self.redactor.text(" ".join(words)),
            limit_s=limit_s,
            seconds=0.0,
            outcome=StepOutcome.STARTED,
            code=None,
            said="it had begun, and nothing was written after that",
            traceback="",
        )
        self.rows.append(row)
        self.write()  # a driver can take the machine along
        self.rows.pop()
        ended = run_child([*words, "--json", str(record)], folder, limit_s, self._caches())
        self._keep(step.name, ended, record)
        outcome, said = ended.outcome, self.redactor.text(ended.said)
        if outcome is StepOutcome.HUNG and limit_s < step.limit_s:
            outcome = StepOutcome.OUT_OF_TIME
            said = f"not done in the {limit_s:.0f} s that were left; give more --minutes"
        return msgspec.structs.replace(
            row,
            seconds=round(ended.seconds, 3),
            outcome=outcome,
            code=ended.code,
            said=said,
            traceback=self.redactor.text(ended.traceback),
        )

    def _skipped(self, step: Step, why: str) -> StepRow:
        return StepRow(
            name=step.name, about=step.about, command="", limit_s=step.limit_s, seconds=0.0,
            outcome=StepOutcome.NOT_RUN, code=None, said=why, traceback="",
        )  # fmt: skip

    def _keep(self, name: str, ended: Ended, record: Path) -> None:
        """Its streams and its record, redacted; a record that is none is left out."""
        for stream, text in (("out.txt", ended.out), ("err.txt", ended.err)):
            if text:
                self.files[f"{name}/{stream}"] = self.redactor.text(text).encode()
        with suppress(OSError, ValueError, RecursionError):
            if record.stat().st_size <= MOST_FILE_BYTES:
                clean = self.redactor.value(json.loads(record.read_bytes()))
                self.files[f"{name}/{RECORD}"] = (json.dumps(clean, indent=1) + "\n").encode()

    def _learn(self) -> None:
        path = self.work / PROVIDERS / RECORD
        with suppress(UserError):  # there is none: steps that need it say so
            self.known = self.known.told(read_record(path, ProvidersRecord, "its record"))

    def _caches(self) -> dict[str, str]:
        """Compilers keep what they compile where step ``isa`` finds it."""
        triton, driver = self.known.images / "triton", self.known.images / "driver"
        driver.mkdir(parents=True, exist_ok=True)
        return {
            "TRITON_CACHE_DIR": str(triton),
            "NEO_CACHE_PERSISTENT": "1",
            "NEO_CACHE_DIR": str(driver),
        }
