"""What ``truetpot decode`` over several points prints."""

from __future__ import annotations

from truetpot.cli.decode_show import DecodeScreen
from truetpot.cli.ended import code_of
from truetpot.records.store import STDOUT
from truetpot.records.sweep import SweepPoint
from truetpot.report.ladder import describe_device
from truetpot.report.numbers import per, queries
from truetpot.report.sweep import draw_fits, draw_head, draw_point
from truetpot.report.terminal import Terminal
from truetpot.runs import sweep
from truetpot.runs.decode_outcome import Request
from truetpot.runs.sweep import Sweep, SweepWatch
from truetpot.runs.sweep_points import Points
from truetpot.runtime.interrupts import uninterrupted


class SweepScreen(DecodeScreen, SweepWatch):
    """A line a point, below what they have in common."""

    def begun(self, sweep: Sweep) -> None:
        """Say what is to be measured, before anything is."""
        _announce(sweep, self.terminal)
        self.terminal.show("", draw_head())

    def point(self, point: SweepPoint) -> None:
        """Print the line of one point."""
        self.terminal.show(draw_point(point))


def run_and_show(
    request: Request, points: Points, json: str | None, resume: bool, terminal: Terminal
) -> int:
    """Measure, show what came of it, and give the exit code of the command."""
    ended = sweep.run(request, points, json, resume, SweepScreen(terminal))
    with uninterrupted():
        terminal.show(draw_fits(ended.record))
        for warning in ended.record.warnings:
            terminal.say(warning, "yellow")
        if ended.interrupted:
            terminal.say(f"Interrupted: this is what was measured{_rest(json)}.", "yellow")
        terminal.draw(ended.record)
    return code_of(ended)


def _rest(json: str | None) -> str:
    """How to go on, where there is a file to go on with."""
    return "" if json in (None, STDOUT) else "; the same command with --resume goes on"


def _announce(sweep: Sweep, terminal: Terminal) -> None:
    request, shape, asked = sweep.request, sweep.base.shape, sweep.asked
    page = f", pages of {shape.page}" if shape.page else ""
    lists = (", ".join(f"{one:,}" for one in some) for some in (asked.contexts, asked.batches))
    contexts, batches = lists
    terminal.say(
        f"{request.model.name}: {shape.format} weights, {shape.dtype} activations, "
        f"{shape.kv_format} KV{page}, tp = {shape.tp}; contexts {contexts}; batches "
        f"{batches}{queries(shape.query_tokens)}",
        "bold",
    )
    terminal.say(describe_device(request.setting.device.name, sweep.opening.environment))
    terminal.say(f"{sweep.base.sentence()}, at the smallest point; ms a {per(shape.query_tokens)}")
    if sweep.base.extrapolated:
        terminal.say("* extrapolated from these layers", "yellow")
