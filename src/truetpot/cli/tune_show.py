"""What ``truetpot tune`` prints while it runs and at its end."""

from __future__ import annotations

from pathlib import Path

from truetpot.cli.ended import code_of
from truetpot.cli.screen import Screen
from truetpot.measure.ceiling import Ceiling
from truetpot.report.terminal import Terminal
from truetpot.report.tune import draw_left_out, draw_step, draw_tuned
from truetpot.runs import tune
from truetpot.runs.kernels import Request
from truetpot.runs.tune_search import How
from truetpot.runtime.interrupts import uninterrupted


class TuneScreen(Screen, tune.TuneWatch):
    """The ceiling; the searches have a bar each."""

    def found(self, ceiling: Ceiling) -> None:
        """Print the line of one search."""
        self.tell(f"ceiling: {ceiling.bandwidth / 1e9:.1f} GB/s ({ceiling.provider})")
        for sentence in ceiling.left_out:
            self.fault(sentence)


def run_and_show(
    request: Request, file: Path, how: How, json: str | None, terminal: Terminal
) -> int:
    """Measure, show what came of it, and give the exit code of the command."""
    ended = tune.run(request, file, how, json, TuneScreen(terminal))
    with uninterrupted():
        terminal.show("", draw_tuned(ended.results))
        for line in draw_left_out(ended.results):
            terminal.say(line, "yellow")
        if ended.record.step is not None:
            terminal.show("", draw_step(ended.record.step))
        if ended.saved:
            terminal.say(f"kept in {file}")
        if ended.record.partial:
            terminal.say("Interrupted: the same command goes on from here.", "yellow")
        terminal.draw(ended.record)
    return code_of(ended)
