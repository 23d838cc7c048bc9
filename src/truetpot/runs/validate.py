"""The run behind ``truetpot validate``: the tests, what is printed, and every output."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from truetpot.errors import OutputError, UserError
from truetpot.exits import ExitCode
from truetpot.files import is_stream, write_whole
from truetpot.records.store import STDOUT, read_record, write_record
from truetpot.records.validate import Health, ValidatedTest, ValidateRecord
from truetpot.report.plot import plot
from truetpot.report.terminal import Terminal
from truetpot.report.validate import STYLE, draw_baseline, draw_validate, series_of
from truetpot.runtime.interrupts import uninterrupted
from truetpot.validate.baseline import make_baseline, read_baseline
from truetpot.validate.conclude import exit_code
from truetpot.validate.forms.junit import as_junit
from truetpot.validate.forms.prometheus import as_prometheus
from truetpot.validate.plan import Level, chosen_tests, cool_s
from truetpot.validate.run import Ask, Run

WHAT = "a record of truetpot validate --json"


@dataclass(frozen=True)
class Outputs:
    """Where a run goes beside the terminal."""

    record: str | None
    junit: Path | None
    prometheus: Path | None
    plot: Path | None
    baseline: Path | None
    strict: bool

    def files(self) -> dict[str, str | Path | None]:
        """Every file that the run may write, by its option; None for one that is not asked for."""
        return {
            "--json": self.record,
            "--junit": self.junit,
            "--prometheus": self.prometheus,
            "--plot": self.plot,
            "--make-baseline": self.baseline,
        }

    def keep(self, record: ValidateRecord) -> None:
        """While the run goes on: the record, where it is a file."""
        if self.record not in (None, STDOUT) and not is_stream(str(self.record)):
            write_record(record, str(self.record))

    def write(self, record: ValidateRecord) -> None:
        """All but the baseline. Raises OutputError."""
        if self.record is not None:
            write_record(record, self.record)
        if self.junit is not None:
            write_whole(self.junit, as_junit(record, self.strict), "--junit")
        if self.prometheus is not None:
            write_whole(self.prometheus, as_prometheus(record), "--prometheus")
        if self.plot is not None:
            write_whole(self.plot, _plot(record), "--plot")

    def show(self, record: ValidateRecord, terminal: Terminal) -> None:
        """Tables, and the baseline where one is to be made. Raises UserError for no fit run."""
        terminal.show(draw_validate(record))
        terminal.draw(record)
        if self.baseline is not None:
            made = make_baseline(record)
            write_record(made, self.baseline, "--make-baseline")
            terminal.show(draw_baseline(str(self.baseline), made))

    def code(self, record: ValidateRecord) -> int:
        """By the verdicts of all tests."""
        return exit_code(record.tests, self.strict)


def resumed(path: Path) -> ValidateRecord:
    """The record of a run that was ended. Raises UserError for any other file."""
    return read_record(path, ValidateRecord, WHAT)


def validate_cards(
    level: str,
    device: str,
    only: tuple[str, ...],
    seconds: float | None,
    small: bool,
    baseline: Path | None,
    before: ValidateRecord | None,
    outputs: Outputs,
    terminal: Terminal,
) -> int:
    """The exit code. Raises UserError for what cannot be run, OutputError where nothing is kept."""
    if not hasattr(os, "killpg"):
        raise UserError(
            "truetpot validate ends process groups, which this system has not; use Linux."
        )
    chosen = Level(level)
    tests = tuple(test for test in chosen_tests(only) if test.part(chosen) is not None)
    if not tests:
        raise UserError(f"Level {level} has none of {', '.join(only)}; choose another --level.")
    ask = Ask(
        device=device,
        level=chosen,
        tests=tests,
        small=small,
        seconds=seconds,
        cool_s=0.0 if small else cool_s(chosen),
        baseline=None if baseline is None else read_baseline(baseline),
        baseline_file="" if baseline is None else str(baseline),
    )
    with tempfile.TemporaryDirectory(prefix="truetpot-", ignore_cleanup_errors=True) as work:
        done = () if before is None else tuple(before.tests)
        run = Run(ask, Path(work), outputs.keep, done)
        code, lost = _run(run, before, terminal)
    record = run.record()
    with uninterrupted():
        outputs.write(record)
        outputs.show(record, terminal)
    if lost is not None:
        raise lost
    return outputs.code(record) if code == ExitCode.OK else code


def _run(
    run: Run, before: ValidateRecord | None, terminal: Terminal
) -> tuple[int, OutputError | None]:
    def begin(name: str, where: str, limit_s: float) -> None:
        terminal.status(f"{name} on {where} (at most {limit_s:.0f} s)")

    terminal.status("looking for devices")
    run.find_devices()
    if before is not None:
        run.check_resumed(before)
    try:
        for row in run.run(begin):
            _tell(row, terminal)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED, None
    except OutputError as error:  # the disk is full: what was measured is still shown
        return ExitCode.MISTAKE, error
    return ExitCode.OK, None


def _tell(row: ValidatedTest, terminal: Terminal) -> None:
    if row.verdict not in (Health.PASS, Health.NOT_JUDGED):
        said = f": {row.said}" if row.said else ""
        terminal.status(f"  {row.verdict.value}{said}", STYLE[row.verdict])


def _plot(record: ValidateRecord) -> str:
    """Of every card that was under a sustained load, one below the other."""
    loads = [test for test in record.tests if test.series]
    if not loads:
        return plot("no test of this run has a series", [], [])
    longest = max((test.series for test in loads), key=len)
    panels = [
        (f"{test.device} {title}", unit, [*values, *([None] * (len(longest) - len(values)))])
        for test in loads
        for title, unit, values in series_of(test.series)
    ]
    return plot(f"truetpot validate, {record.host}", [one.at_s for one in longest], panels)
