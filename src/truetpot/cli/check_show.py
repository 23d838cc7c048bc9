"""What ``truetpot check`` prints of a finished run."""

from __future__ import annotations

from truetpot.report.pair import draw_pair
from truetpot.report.runs import draw_runs, draw_slopes, draw_verdicts
from truetpot.report.serving import draw_checked
from truetpot.report.terminal import Terminal
from truetpot.runs.check import Checked


def show(terminal: Terminal, found: Checked) -> None:
    """Verdicts and pairs, a pair that was asked for before all; then everything about the runs of
    one file, or one row a run of several."""
    told = found.told
    heads = [draw_pair(pair) for pair in found.pairs]
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
    if found.grows:
        terminal.show(draw_slopes(found.grows), "")
    for sentence in found.left_out:
        terminal.say(f"left out: {sentence}", "dim")
