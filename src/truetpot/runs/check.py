"""The run behind ``truetpot check``: what serving benchmarks wrote, read and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from truetpot.errors import UserError
from truetpot.files import check_once
from truetpot.records.check import CheckRecord, SlopeRow
from truetpot.records.opening import command
from truetpot.records.speculation import PairRow
from truetpot.records.verdicts import Verdict
from truetpot.serving.check import check_run
from truetpot.serving.chosen import Flags, choose
from truetpot.serving.folder import read_all
from truetpot.serving.judged import RunOfFile, point
from truetpot.serving.measured import Measured, read_measured
from truetpot.serving.pair import find_pairs, given_pairs, untold
from truetpot.serving.records import Run
from truetpot.serving.series import slopes
from truetpot.serving.speculation import stated_tokens_a_step
from truetpot.serving.verdict import judge
from truetpot.serving.yardstick import Yardstick, from_run

NOTHING = Flags()
"""Of what a user may say of model and card."""


@dataclass(frozen=True)
class Checked:
    """Every run that was read, and what several of them say together."""

    told: list[RunOfFile]
    pairs: list[PairRow]
    """With speculative decoding beside without."""
    grows: list[SlopeRow]
    """How the time per token grows over a series of runs."""
    left_out: list[str]
    """Sentences on files that were."""
    given: str
    """The files and folders, as they were named."""

    def record(self) -> CheckRecord:
        """All of it, but what was left out."""
        rows = [
            row.checked.record(row.serving.record(), row.yardstick_from, row.file)
            for row in self.told
        ]
        return CheckRecord.of(rows, command(), self.given, self.grows, self.pairs)

    def severe(self, severity: str) -> bool:
        """Whether there is a finding of this severity or a higher one."""
        findings = (one for row in self.told for one in row.checked.findings)
        return any(finding.severity >= severity for finding in findings)

    def impossible(self) -> bool:
        """Whether a run is faster than anything can be."""
        return any(row.serving.verdict is Verdict.IMPOSSIBLE for row in self.told)


def run(
    results: Sequence[Path],
    flags: Flags = NOTHING,
    ladder: Path | None = None,
    output_tokens: int | None = None,
    without_speculation: Path | None = None,
) -> Checked:
    """Read and judge files and folders.

    They are held against the record ``ladder`` of a decode step, else against the floor of what
    ``flags`` and the files say of model and card. Raises UserError as :func:`judged` does, where
    ``flags`` say something else than the ladder, and for a file that is named twice.
    """
    check_once(results)
    flags.check()
    held = flags if ladder is None else read_measured(ladder).agreeing(flags)
    arms = without_speculation is not None
    told, left_out = judged(results, held, output_tokens, drafting=arms)
    pairs = [] if arms else find_pairs(told)
    if without_speculation is not None:
        plain, also = judged([without_speculation], held, output_tokens)
        pairs = given_pairs(told, plain)
        told, left_out = told + plain, left_out + also
    given = ", ".join(map(str, [*results, *filter(None, [without_speculation])]))
    return Checked(told, pairs, slopes(filter(None, map(point, told))), left_out, given)


def judged(
    paths: Sequence[Path],
    held: Flags | Measured,
    output_tokens: int | None,
    *,
    drafting: bool = False,
) -> tuple[list[RunOfFile], list[str]]:
    """Every run of the files and folders, and sentences on files that were left out.

    ``held`` is a measured ladder, or what the user says of model and card. ``drafting`` says
    that the runs speculate: one whose file has no tokens per step is held against no floor. Raises
    UserError as :func:`read_all` does, and for a ladder of other steps than the only run's; of
    several runs such a one has no yardstick, and it is said why.
    """
    files, left_out = read_all(paths)
    told, alone = [], sum(len(file.runs) for file in files) == 1
    for file in files:
        for i, run in enumerate(file.runs):
            yardstick, said = _held(run, held, alone)
            hidden = drafting and stated_tokens_a_step(run) is None
            one = check_run(run, file.runs[:i], None if hidden else yardstick, output_tokens)
            serving = judge(one, () if yardstick else _lacks(run, held, said))
            serving = untold(serving) if hidden else serving
            told.append(RunOfFile(str(file.path), one, serving, tuple(said), yardstick, drafting))
    return told, left_out


def _held(
    run: Run, held: Flags | Measured, alone: bool
) -> tuple[Yardstick | None, tuple[str, ...]]:
    """The run's yardstick, and sentences on what it was made of or lacks."""
    if isinstance(held, Flags):
        return from_run(run, held)
    try:
        return held.yardstick_of(run), ()
    except UserError as error:
        if alone:
            raise
        return None, (str(error),)


def _lacks(run: Run, held: Flags | Measured, said: Sequence[str]) -> Sequence[str]:
    """Sentences on what a yardstick would need, and which option gives it."""
    if isinstance(held, Measured):
        return said
    return choose(run.setting, held).missing or said[-1:]
