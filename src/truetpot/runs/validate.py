"""The run behind ``truetpot validate``: the tests of a level on the cards of a machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from truetpot.errors import OutputError, UserError
from truetpot.records.store import read_record
from truetpot.records.validate import ValidatedTest, ValidateRecord
from truetpot.runs.ended import Ended
from truetpot.runs.watch import Watch
from truetpot.validate.baseline import read_baseline
from truetpot.validate.plan import Level, chosen_tests, cool_s
from truetpot.validate.run import Ask, Run

WHAT = "a record of truetpot validate --json"


class ValidateWatch(Watch):
    """Is told of every test once it is over."""

    def tested(self, row: ValidatedTest) -> None:
        """Is told what came of one test."""


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    level: str = "quick"
    device: str = "auto"
    only: tuple[str, ...] = ()
    """Tests of the level; all if empty."""
    seconds: float | None = None
    """For each measurement at most; None: the level's."""
    small: bool = False
    baseline: Path | None = None

    def ask(self) -> Ask:
        """With the tests. Raises UserError where the level has none of them."""
        chosen = Level(self.level)
        tests = tuple(test for test in chosen_tests(self.only) if test.part(chosen) is not None)
        if not tests:
            only = ", ".join(self.only)
            raise UserError(f"Level {self.level} has none of {only}; choose another --level.")
        return Ask(
            device=self.device,
            level=chosen,
            tests=tests,
            small=self.small,
            seconds=self.seconds,
            cool_s=0.0 if self.small else cool_s(chosen),
            baseline=None if self.baseline is None else read_baseline(self.baseline),
            baseline_file="" if self.baseline is None else str(self.baseline),
        )


def resumed(path: Path) -> ValidateRecord:
    """The record of a run that was ended. Raises UserError for any other file."""
    return read_record(path, ValidateRecord, WHAT)


def run(
    request: Request,
    keep: Callable[[ValidateRecord], None] = lambda record: None,
    before: ValidateRecord | None = None,
    watch: ValidateWatch | None = None,
) -> Ended[ValidateRecord]:
    """Every test in a process of its own; ``keep`` is given the record after each.

    ``before`` is the record of a run that was ended, which this one goes on from. Where ``keep``
    raises OutputError the run ends with it as its ``cause``. Raises UserError for what cannot be
    run.
    """
    watch = watch or ValidateWatch()
    if not hasattr(os, "killpg"):
        raise UserError(
            "truetpot validate ends process groups, which this system has not; use Linux."
        )
    ask = request.ask()
    interrupted, cause = False, None
    with tempfile.TemporaryDirectory(prefix="truetpot-", ignore_cleanup_errors=True) as work:
        done = () if before is None else tuple(before.tests)
        tests = Run(ask, Path(work), keep, done)
        watch.status("looking for devices")
        tests.find_devices()
        if before is not None:
            tests.check_resumed(before)
        try:
            _each(tests, watch)
        except KeyboardInterrupt:
            interrupted = True
        except OutputError as error:  # the disk is full: what was measured is still shown
            cause = error
    return Ended(tests.record(), interrupted=interrupted, cause=cause)


def _each(tests: Run, watch: ValidateWatch) -> None:
    def begin(name: str, where: str, limit_s: float) -> None:
        watch.status(f"{name} on {where} (at most {limit_s:.0f} s)")

    for row in tests.run(begin):
        watch.tested(row)
