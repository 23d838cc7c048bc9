"""The run behind ``truetpot decode``: plan, check, ceiling, weights, timing, check, ladder."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path

from truetpot.cli.checks import wrong_kernels
from truetpot.cli.collectives_choice import choose_all_reduce
from truetpot.cli.decode_outcome import Outcome, Request
from truetpot.cli.decode_show import announce, show
from truetpot.cli.exits import ExitCode
from truetpot.cli.setting import doubts, sweep_rule
from truetpot.cli.signals import uninterrupted
from truetpot.decode.engine import DecodeStep
from truetpot.decode.packed import PackedWeights
from truetpot.decode.selected import select_step
from truetpot.decode.weights import WeightSource
from truetpot.errors import KernelError
from truetpot.facts.floor import least_s
from truetpot.facts.traffic import traffic
from truetpot.files import shortened_path
from truetpot.ladder import StepTimings, merged
from truetpot.measure import record
from truetpot.measure.ceiling import Ceiling, buffer_bytes, find_ceiling
from truetpot.measure.entrant import Entrant
from truetpot.measure.keeper import Keeper, Keeps
from truetpot.measure.step import STEP_RULE, time_step
from truetpot.measure.step_check import Witness
from truetpot.ops import AllReduceCase, RmsNormCase
from truetpot.ops.guard import named
from truetpot.records.rungs import Ladder, RankRow
from truetpot.report.collectives import draw_collectives
from truetpot.report.terminal import Terminal
from truetpot.runtime.distributed.group import current
from truetpot.stats import Samples

TRACED = 10
"""Steps in a trace: the first few are disturbed by the profiler's start."""


def run(request: Request, json: str | None, terminal: Terminal) -> int:
    """The exit code. Raises UserError for what cannot be run."""
    device = request.setting.device
    set_aside = buffer_bytes(device)
    chosen = request.plan(set_aside)
    weights = request.source(chosen.shape)
    opening = record.opening(device)
    outcome = Outcome(request, chosen, opening, doubts(device))
    outcome.notes += weights.notes
    announce(outcome, set_aside, terminal)
    saved = None if current().rank > 0 else json
    keep = Keeper(saved, outcome.so_far)
    current().on_loss(keep.lost)
    with keep:
        cause = measured(outcome, weights, terminal, keep)
        with uninterrupted():
            ladder = outcome.ladder()
            show(outcome, ladder, terminal)
            done = outcome.record(ladder)
            keep.finish(done)
            terminal.draw(done)
    if cause is not None:
        raise cause
    if outcome.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if ladder.valid else ExitCode.INVALID


@dataclass
class Shared:
    """What the points of a sweep have in common, made by the first that needs it."""

    packed: PackedWeights
    ceiling: Ceiling | None = None


def measured(
    outcome: Outcome,
    weights: WeightSource,
    terminal: Terminal,
    keep: Keeps,
    shared: Shared | None = None,
) -> Exception | None:
    """Fill the outcome, whatever ends it: an interrupt, a wrong kernel.

    What nobody expects is returned where there is something measured, and raised where not.
    """
    cause: Exception | None = None
    try:
        _measure(outcome, weights, terminal, keep, shared)
        if outcome.finished:
            outcome.merged = _all_ranks(outcome)
    except KeyboardInterrupt:
        outcome.interrupted = True
    except KernelError as fault:
        if current().size > 1:  # the other ranks wait for this one: all are ended
            raise
        outcome.wrong.append(str(fault))
    except Exception as error:
        if not outcome.measured:
            raise
        cause = error
        outcome.failed(error)
    outcome.interrupted |= outcome.timings is not None and not outcome.finished
    return cause


def _all_ranks(outcome: Outcome) -> Ladder | None:
    """The ranks' ladders as one, on every rank; None for one rank."""
    group, device = current(), outcome.request.setting.device
    if group.size == 1 or outcome.timings is None or outcome.ceiling is None:
        return None
    mine, timings = outcome.own_ladder(), outcome.timings
    identity = outcome.opening.environment.device
    talk = mine.communication
    assert mine.rungs.kernels is not None and mine.rungs.step is not None
    row = RankRow(
        rank=group.rank,
        host=socket.gethostname(),
        device=device.name,
        name=str(identity["name"]),
        uuid=identity.get("uuid"),
        pci_address=identity.get("pci_address"),
        kernels_ms=mine.rungs.kernels.ms_per_token,
        collectives_ms=0.0 if talk is None else talk.alone_ms,
        step_ms=mine.rungs.step.ms_per_token,
        ceiling_gb_s=timings.ceiling.bandwidth / 1e9,
        state=device.state(),
    )
    found = group.gather((mine, row))
    return merged([ladder for ladder, _ in found], [row for _, row in found])


def _measure(
    outcome: Outcome,
    weights: WeightSource,
    terminal: Terminal,
    keep: Keeps,
    shared: Shared | None,
) -> None:
    """Fill the outcome, stage by stage; an interrupt passes through."""
    request, shape = outcome.request, outcome.plan.shape
    setting, model = request.setting, request.model
    preference = setting.preference
    if shape.collectives:
        case = AllReduceCase(shape.dtype, shape.rows, model.hidden, shape.tp, in_place=True)
        norm = RmsNormCase(shape.dtype, shape.rows, model.hidden, model.rms_eps, residual=True)
        preference, outcome.collectives = choose_all_reduce(preference, case, norm, request.seconds)
        if outcome.collectives:
            terminal.show("", draw_collectives(outcome.collectives))
    selected = select_step(model, shape, preference)
    with terminal.bar("checking each kernel of the step") as advance:
        wrong = wrong_kernels(selected, advance)
    outcome.wrong = _of_ranks(wrong)
    if outcome.wrong:
        return

    outcome.stage = "ceiling"
    outcome.ceiling = None if shared is None else shared.ceiling
    if outcome.ceiling is None:
        terminal.status("sweeping the read kernels and matrix products for the ceiling")
        rule = sweep_rule(request.seconds)
        outcome.ceiling = find_ceiling(setting.device, rule, dtype=shape.dtype)
        if shared is not None:
            shared.ceiling = outcome.ceiling
    outcome.wrong += _of_ranks([*outcome.ceiling.left_out])
    keep.hand_over(outcome.partial())

    outcome.stage = "weights"
    what = "making random weights" if request.weights is None else "reading the checkpoint"
    start = time.perf_counter()
    with terminal.bar(what, "GB") as advance:
        step = DecodeStep(
            selected,
            weights,
            request.rank,
            lambda done, total: advance(done / 1e9, total / 1e9),
            None if shared is None else shared.packed,
        )
    outcome.providers, outcome.build_s = step.providers, time.perf_counter() - start
    coarse = (one.kernel for one in step.bound if one.kernel.coarse)
    outcome.notes += dict.fromkeys(f"{k.op.name} of {k.provider}: {k.coarse}" for k in coarse)
    outcome.notes += [
        f"no kernel of {provider} is part of this step, although --kernels has some"
        for provider in setting.own
        if provider not in step.providers.values()
    ]

    outcome.stage = "timing"
    keep.hand_over(outcome.partial())
    witness = Witness(step)
    work = traffic(model, replace(shape, layers=outcome.plan.layers))
    must_move, floor_s = work.bound, None
    if (card := setting.hardware) is not None:
        floor_s = least_s(work, shape.dtype, card, setting.device.cache_bytes())
    seconds = request.seconds
    rule = replace(STEP_RULE, seconds=seconds, warmup_s=min(STEP_RULE.warmup_s, seconds / 4))

    def on_start(timings: StepTimings) -> None:
        outcome.timings = timings

    with terminal.bar("timing the step and its kernels") as advance:

        def on_round(used: float) -> None:
            advance(used, 1.0)
            keep.tick()

        timings = time_step(step, outcome.ceiling, must_move, rule, floor_s, on_round, on_start)
    timed = [*timings.everything, timings.ceiling, *filter(None, [timings.gemm])]
    raised = [f"{_name(one)} is invalid: {one.fault}" for one in timed if one.fault]
    if timings.finished and not raised:
        terminal.status("checking the step and its kernels again")
        raised = witness.faults([one for one in timed[:1] if isinstance(one, Entrant)])
        top = timings.ceiling
        if isinstance(top, Entrant) and (fault := top.check_again()):
            raised.append(f"the read kernel of the ceiling is wrong: {fault}")
        raised += wrong_kernels(selected, lambda done, total: None, foreign_only=True)
    outcome.wrong += _of_ranks(raised)
    if request.trace is not None and timings.finished and not outcome.wrong:
        terminal.status("recording a trace of the step")
        outcome.notes.append(_record_trace(request, step, timings))


def _record_trace(request: Request, step: DecodeStep, timings: StepTimings) -> str:
    """Where the trace of some steps is, as they were timed: replays of a graph, or eager."""
    assert request.trace is not None
    group = current()
    path = request.trace if group.size == 1 else of_rank(request.trace, group.rank)
    graph = timings.step.captured if isinstance(timings.step, Entrant) else None
    group.barrier()
    request.setting.device.record_trace([graph.replay if graph else step.run] * TRACED, path)
    return f"{shortened_path(path)} has a trace of {TRACED} steps: truetpot trace"


def of_rank(path: Path, rank: int) -> Path:
    """The file of one of several ranks: ``step.json.gz`` of rank 1 is ``step-rank1.json.gz``."""
    stem, dot, suffixes = path.name.partition(".")
    return path.with_name(f"{stem}-rank{rank}{dot}{suffixes}")


def _name(one: Samples) -> str:
    """Of a kernel, or of the step."""
    kernel = one.kernel if isinstance(one, Entrant) else None
    return one.name if kernel is None else named(kernel)


def _of_ranks(sentences: list[str]) -> list[str]:
    """Those of all ranks, each once."""
    ranks = current().gather(sentences)
    if len(ranks) == 1:
        return sentences
    said = [(s, rank) for rank, own in enumerate(ranks) for s in own]
    return list(dict.fromkeys(f"rank {rank}: {s}" for s, rank in said))
