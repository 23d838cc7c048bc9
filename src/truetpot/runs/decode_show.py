"""What ``truetpot decode`` prints: what is to be run, and what came of it."""

from __future__ import annotations

import statistics

from truetpot.ladder import StepTimings
from truetpot.records.rungs import Ladder
from truetpot.report.ladder import (
    describe_device,
    draw_ladder,
    draw_operators,
    draw_parameters,
    draw_ranks,
    draw_warnings,
)
from truetpot.report.numbers import gib, per, queries
from truetpot.report.terminal import Terminal
from truetpot.runs.decode_outcome import Outcome
from truetpot.runs.setting import why_no_spec
from truetpot.runtime.distributed.group import current
from truetpot.runtime.memory import peak_rss_bytes


def announce(outcome: Outcome, set_aside: int, terminal: Terminal) -> None:
    """Model, shape and device; what of the model is run."""
    request, shape = outcome.request, outcome.plan.shape
    setting = request.setting
    rank = f", rank {request.rank} of tp = {shape.tp}, no communication" if shape.tp > 1 else ""
    if shape.collectives:
        rank = f", tp = {shape.tp} over {current().backend}"
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


def show(outcome: Outcome, ladder: Ladder, terminal: Terminal) -> None:
    """The ladder, the ranks, the kernels, and what is to be said of them."""
    absent = {}
    if ladder.rungs.spec is None:
        absent["spec"] = why_no_spec(outcome.request.setting)
    terminal.show("", draw_ladder(ladder, absent, per(outcome.plan.shape.query_tokens)))
    if ladder.communication is not None:
        terminal.show("", draw_ranks(ladder))
    if ladder.operators:
        terminal.show("", draw_operators(ladder))
        if (ran := draw_parameters(ladder)) is not None:
            terminal.show("", ran)
    if outcome.timings is not None and outcome.timings.rounds:
        wall = outcome.timings.step.wall.median_s * 1e3
        terminal.show(
            "",
            f"{outcome.timings.rounds} rounds, ended by {outcome.timings.step.stop}; a step of the "
            f"host's clock {wall:.2f} ms{_submitting(outcome.timings)}; peak memory "
            f"{gib(peak_rss_bytes())}",
        )
    for warning, style in draw_warnings(ladder):
        terminal.say(warning, style)
    if outcome.interrupted:
        terminal.say(f"Interrupted during {outcome.stage}: this is what was measured.", "yellow")


def _submitting(timings: StepTimings) -> str:
    """What the host needs to submit every kernel, where submitting does not wait for the end."""
    eager = timings.eager or timings.step
    enqueue = statistics.median(eager.enqueue_s)
    if enqueue >= 0.999 * eager.wall.median_s:
        return ""
    return f"; submitting its kernels one by one takes the host {enqueue * 1e3:.2f} ms"
