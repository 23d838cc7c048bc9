"""What ``truetpot check`` reads, judges and shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from truetpot.errors import UserError
from truetpot.records.check import SlopeRow
from truetpot.records.speculation import PairRow
from truetpot.report.pair import draw_pair
from truetpot.report.runs import draw_runs, draw_slopes, draw_verdicts
from truetpot.report.serving import draw_checked
from truetpot.report.terminal import Terminal
from truetpot.serving.check import check_run
from truetpot.serving.chosen import Flags, choose
from truetpot.serving.folder import read_all
from truetpot.serving.judged import RunOfFile
from truetpot.serving.measured import Measured
from truetpot.serving.pair import untold
from truetpot.serving.records import Run
from truetpot.serving.speculation import stated_tokens_a_step
from truetpot.serving.verdict import judge
from truetpot.serving.yardstick import Yardstick, from_run


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


def show(
    terminal: Terminal,
    told: Sequence[RunOfFile],
    pairs: Sequence[PairRow],
    grows: Sequence[SlopeRow],
    left_out: Sequence[str],
) -> None:
    """Verdicts and pairs, a pair that was asked for before all; then everything about the runs of
    one file, or one row a run of several."""
    heads = [draw_pair(pair) for pair in pairs]
    if len(told) > 1:
        asked = any(row.drafting for row in told)
        heads.insert(1 if asked else 0, draw_verdicts(told))
    for head in heads:
        terminal.show(head, "")
    if len({row.file for row in told}) == 1:
        for row in told:
            terminal.show(draw_checked(row.checked, row.serving, row.yardstick_from), "")
    if len(told) > 1:
        terminal.show(draw_runs(told), "")
    if grows:
        terminal.show(draw_slopes(grows), "")
    for sentence in left_out:
        terminal.say(f"left out: {sentence}", "dim")
