"""What ``truetpot validate`` prints, and every file that it writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from truetpot.cli.screen import Screen
from truetpot.exits import ExitCode
from truetpot.files import is_stream, write_whole
from truetpot.records.store import STDOUT, write_record
from truetpot.records.validate import Health, ValidatedTest, ValidateRecord
from truetpot.report.plot import plot
from truetpot.report.terminal import Terminal
from truetpot.report.validate import STYLE, draw_baseline, draw_validate, series_of
from truetpot.runs import validate
from truetpot.runtime.interrupts import uninterrupted
from truetpot.validate.baseline import make_baseline
from truetpot.validate.conclude import exit_code
from truetpot.validate.forms.junit import as_junit
from truetpot.validate.forms.prometheus import as_prometheus


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


class ValidateScreen(Screen, validate.ValidateWatch):
    """A line a test that begins, and one for each that did not pass."""

    def tested(self, row: ValidatedTest) -> None:
        """What is to be said of a test that is over."""
        if row.verdict not in (Health.PASS, Health.NOT_JUDGED):
            said = f": {row.said}" if row.said else ""
            self.terminal.status(f"  {row.verdict.value}{said}", STYLE[row.verdict])


def run_and_show(
    request: validate.Request, before: ValidateRecord | None, outputs: Outputs, terminal: Terminal
) -> int:
    """The exit code. Raises OutputError where nothing is kept."""
    ended = validate.run(request, outputs.keep, before, ValidateScreen(terminal))
    with uninterrupted():
        outputs.write(ended.record)
        outputs.show(ended.record, terminal)
    if ended.cause is not None:
        raise ended.cause
    return ExitCode.INTERRUPTED if ended.interrupted else outputs.code(ended.record)


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
