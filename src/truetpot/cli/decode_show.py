"""What ``truetpot decode`` prints: what is to be run, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from truetpot.cli.ended import code_of
from truetpot.cli.screen import Screen
from truetpot.measure.collectives import CollectiveResult
from truetpot.records.decode import DecodeRecord, StepTiming
from truetpot.records.rungs import Ladder
from truetpot.report.collectives import draw_collectives
from truetpot.report.ladder import (
    describe_device,
    draw_ladder,
    draw_operators,
    draw_parameters,
    draw_ranks,
    draw_warnings,
)
from truetpot.report.numbers import per, queries
from truetpot.report.terminal import Terminal
from truetpot.runs import decode
from truetpot.runs.decode_outcome import Outcome, Request
from truetpot.runtime.interrupts import uninterrupted
from truetpot.text import gib


class DecodeScreen(Screen, decode.DecodeWatch):
    """Model, shape and device; what of the model is run."""

    def planned(self, outcome: Outcome, set_aside: int) -> None:
        """Say what is to be measured, before anything is."""
        announce(outcome, set_aside, self.terminal)

    def chose(self, collectives: Sequence[CollectiveResult]) -> None:
        """Print the table of what was measured."""
        self.terminal.show("", draw_collectives([one.record() for one in collectives]))


def run_and_show(request: Request, json: str | None, terminal: Terminal) -> int:
    """Measure, show what came of it, and give the exit code of the command."""
    ended = decode.run(request, json, DecodeScreen(terminal))
    with uninterrupted():
        show(ended.record, terminal)
        terminal.draw(ended.record)
    return code_of(ended)


def announce(outcome: Outcome, set_aside: int, terminal: Terminal) -> None:
    """Model, shape and device; what of the model is run."""
    request, shape = outcome.request, outcome.plan.shape
    setting = request.setting
    rank = f", rank {request.rank} of tp = {shape.tp}, no communication" if shape.tp > 1 else ""
    if shape.collectives:
        rank = f", tp = {shape.tp} over {outcome.group.backend}"
    page = f", pages of {shape.page}" if shape.page else ""
    terminal.say(
        f"{request.model.name} ({request.model.parameters() / 1e9:.2f} B parameters, "
        f"{request.model.layers} layers): {shape.format} weights, {shape.dtype} "
        f"activations, {shape.kv_format} KV{page}, context {shape.context}, batch {shape.batch}"
        f"{queries(shape.query_tokens)}"
        f"{rank}",
        "bold",
    )
    terminal.say(describe_device(setting.device.name, outcome.opening.environment))
    terminal.say(f"{outcome.plan.sentence()}, {gib(set_aside)} set aside for the ceiling's buffer")
    if outcome.plan.sharded:
        terminal.say(
            "The whole model does not fit: taking the smallest tensor-parallel share that does.",
            "yellow",
        )
    if outcome.extrapolation is not None:
        terminal.say(f"To be {outcome.extrapolation}.", "yellow")


def show(record: DecodeRecord, terminal: Terminal) -> None:
    """The ladder, the ranks, the kernels, and what is to be said of them."""
    ladder = _ladder(record)
    absent = {}
    if ladder.rungs.spec is None:
        name = record.environment.device["name"]
        absent["spec"] = (
            f"{name} is not in the tables of cards, so its datasheet bandwidth is not known"
        )
    tokens = record.query_tokens or 1
    terminal.show("", draw_ladder(ladder, absent, per(tokens)))
    if ladder.communication is not None:
        terminal.show("", draw_ranks(ladder))
    if ladder.operators:
        terminal.show("", draw_operators(ladder))
        if (ran := draw_parameters(ladder)) is not None:
            terminal.show("", ran)
    if record.step_timing is not None:
        timing = record.step_timing
        terminal.show(
            "",
            f"{timing.rounds} rounds, ended by {timing.stop}; a step of the host's clock "
            f"{timing.wall_median_s * 1e3:.2f} ms{_submitting(timing)}; peak memory "
            f"{gib(record.peak_rss_bytes)}",
        )
    for warning, style in draw_warnings(ladder):
        terminal.say(warning, style)
    if record.partial:
        terminal.say(
            f"Interrupted during {record.interrupted_during}: this is what was measured.", "yellow"
        )


def _ladder(record: DecodeRecord) -> Ladder:
    return Ladder(
        rungs=record.rungs,
        losses=record.losses,
        share_of_ceiling=record.share_of_ceiling,
        operators=tuple(record.operators),
        valid=record.valid,
        warnings=tuple(record.warnings),
        ranks=tuple(record.ranks),
        communication=record.communication,
    )


def _submitting(timing: StepTiming) -> str:
    """What the host needs to submit every kernel, where submitting does not wait for the end."""
    eager = timing.eager or timing
    if eager.enqueue_median_s >= 0.999 * eager.wall_median_s:
        return ""
    return (
        f"; submitting its kernels one by one takes the host {eager.enqueue_median_s * 1e3:.2f} ms"
    )
