"""The run behind ``truetpot decode``: plan, check, ceiling, weights, timing, check, ladder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from truetpot.decode.engine import DecodeStep
from truetpot.decode.packed import PackedWeights
from truetpot.decode.preference import Preference
from truetpot.decode.selected import SelectedStep, select_step
from truetpot.decode.weights import WeightSource
from truetpot.errors import KernelError
from truetpot.facts.floor import least_s
from truetpot.facts.traffic import traffic
from truetpot.files import shortened_path
from truetpot.ladder import StepTimings
from truetpot.measure import record
from truetpot.measure.ceiling import Ceiling, buffer_bytes, find_ceiling
from truetpot.measure.collectives import CollectiveResult
from truetpot.measure.entrant import Entrant
from truetpot.measure.keeper import Keeper, Keeps
from truetpot.measure.step import STEP_RULE, time_step
from truetpot.measure.step_check import Witness
from truetpot.ops import AllReduceCase, RmsNormCase
from truetpot.ops.guard import named
from truetpot.records.decode import DecodeRecord
from truetpot.runs.checks import wrong_kernels
from truetpot.runs.collectives_choice import choose_all_reduce
from truetpot.runs.decode_outcome import Outcome, Request
from truetpot.runs.ended import Ended, finished
from truetpot.runs.ranks import all_ranks, of_ranks
from truetpot.runs.setting import doubts, sweep_rule
from truetpot.runs.watch import Watch
from truetpot.stats import Samples

TRACED = 10
"""Steps in a trace: the first is disturbed by the profiler's start."""


class DecodeWatch(Watch):
    """Is told of the plan, and of what was chosen."""

    def planned(self, outcome: Outcome, set_aside: int) -> None:
        """What is run, before anything is measured; bytes are kept for the ceiling's buffer."""

    def chose(self, collectives: Sequence[CollectiveResult]) -> None:
        """What was measured of the ways to a sum over the ranks, the fastest of which is used."""


@dataclass
class Shared:
    """What the points of a sweep have in common, made by the first that needs it."""

    packed: PackedWeights
    ceiling: Ceiling | None = None


def run(
    request: Request, json: str | None = None, watch: DecodeWatch | None = None
) -> Ended[DecodeRecord]:
    """One step and its kernels, the record in the file ``json`` as the run goes.

    Raises UserError for what cannot be run, and whatever ends the run before its first round.
    """
    watch = watch or DecodeWatch()
    device = request.setting.device
    if request.trace is not None:
        device.check_trace()
    set_aside = buffer_bytes(device)
    chosen = request.plan(set_aside)
    weights = request.source(chosen.shape)
    opening = record.opening(device)
    outcome = Outcome(request, chosen, opening, doubts(device))
    outcome.notes += weights.notes
    watch.planned(outcome, set_aside)
    keep = Keeper(None if device.group.rank > 0 else json, outcome.so_far)
    device.group.on_loss(keep.lost)
    with keep:
        cause = measured(outcome, weights, watch, keep)
        ladder = outcome.ladder()
        return finished(
            keep,
            outcome.record(ladder),
            valid=ladder.valid,
            interrupted=outcome.interrupted,
            cause=cause,
        )


def measured(
    outcome: Outcome,
    weights: WeightSource,
    watch: DecodeWatch,
    keep: Keeps,
    shared: Shared | None = None,
) -> Exception | None:
    """Fill the outcome, whatever ends it: an interrupt, a wrong kernel.

    What nobody expects is returned where there is something measured, and raised where not.
    """
    cause: Exception | None = None
    try:
        _measure(outcome, weights, watch, keep, shared)
        if outcome.finished:
            outcome.merged = all_ranks(outcome)
    except KeyboardInterrupt:
        outcome.interrupted = True
    except KernelError as fault:
        if outcome.group.size > 1:  # the other ranks wait for this one: all are ended
            raise
        outcome.wrong.append(str(fault))
    except Exception as error:
        if not outcome.measured:
            raise
        cause = error
        outcome.failed(error)
    outcome.interrupted |= outcome.timings is not None and not outcome.finished
    return cause


def _measure(
    outcome: Outcome,
    weights: WeightSource,
    watch: DecodeWatch,
    keep: Keeps,
    shared: Shared | None,
) -> None:
    """Fill the outcome, stage by stage; an interrupt passes through."""
    preference = _chosen(outcome, watch)
    selected = select_step(outcome.request.model, outcome.plan.shape, preference)
    with watch.bar("checking each kernel of the step") as advance:
        wrong = wrong_kernels(selected, advance)
    outcome.wrong = of_ranks(wrong, outcome.group)
    if outcome.wrong:
        return

    outcome.stage = "ceiling"
    outcome.ceiling = ceiling = _ceiling(outcome, watch, shared)
    outcome.wrong += of_ranks([*ceiling.left_out], outcome.group)
    keep.hand_over(outcome.partial())

    outcome.stage = "weights"
    step = _step(outcome, selected, weights, watch, shared)

    outcome.stage = "timing"
    keep.hand_over(outcome.partial())
    witness = Witness(step)
    timings = _time(outcome, step, ceiling, watch, keep)
    since = _wrong_since(selected, timings, witness, watch)
    outcome.wrong += of_ranks(since, outcome.group)
    if outcome.request.trace is not None and timings.finished and not outcome.wrong:
        watch.status("recording a trace of the step")
        outcome.notes.append(_record_trace(outcome.request.trace, outcome, step, timings))


def _record_trace(path: Path, outcome: Outcome, step: DecodeStep, timings: StepTimings) -> str:
    """Of some steps as they were timed, replays of a graph or eager; a note says where it is.

    Each of several ranks writes its own: of ``step.json.gz`` rank 1 writes ``step-rank1.json.gz``.
    """
    group = outcome.group
    if group.size > 1:
        stem, dot, suffixes = path.name.partition(".")
        path = path.with_name(f"{stem}-rank{group.rank}{dot}{suffixes}")
    graph = timings.step.captured if isinstance(timings.step, Entrant) else None
    group.barrier()
    step.device.record_trace([graph.replay if graph else step.run] * TRACED, path)
    return f"{shortened_path(path)} has a trace of {TRACED} steps: truetpot trace"


def _chosen(outcome: Outcome, watch: DecodeWatch) -> Preference:
    """The request's preference, of several ranks with the fastest way to a sum over them."""
    request, shape = outcome.request, outcome.plan.shape
    model, preference = request.model, request.setting.preference
    if not shape.collectives:
        return preference
    case = AllReduceCase(shape.dtype, shape.rows, model.hidden, shape.tp, in_place=True)
    norm = RmsNormCase(shape.dtype, shape.rows, model.hidden, model.rms_eps, residual=True)
    preference, outcome.collectives = choose_all_reduce(preference, case, norm, request.seconds)
    if outcome.collectives:
        watch.chose(outcome.collectives)
    return preference


def _ceiling(outcome: Outcome, watch: DecodeWatch, shared: Shared | None) -> Ceiling:
    """That of the sweep's other points, where one of them has found it."""
    if shared is not None and shared.ceiling is not None:
        return shared.ceiling
    watch.status("sweeping the read kernels and matrix products for the ceiling")
    rule = sweep_rule(outcome.request.seconds)
    device, dtype = outcome.request.setting.device, outcome.plan.shape.dtype
    found = find_ceiling(device, rule, dtype=dtype)
    if shared is not None:
        shared.ceiling = found
    return found


def _step(
    outcome: Outcome,
    selected: SelectedStep,
    weights: WeightSource,
    watch: DecodeWatch,
    shared: Shared | None,
) -> DecodeStep:
    """The step with its weights, and in the outcome who serves it, and how long it took to make."""
    request = outcome.request
    what = "making random weights" if request.weights is None else "reading the checkpoint"
    start = time.perf_counter()
    with watch.bar(what, "GB") as advance:
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
        for provider in request.setting.own
        if provider not in step.providers.values()
    ]
    return step


def _time(
    outcome: Outcome, step: DecodeStep, ceiling: Ceiling, watch: DecodeWatch, keep: Keeps
) -> StepTimings:
    """The race; the outcome has the timings from its first round on."""
    request, shape = outcome.request, outcome.plan.shape
    device, card, seconds = request.setting.device, request.setting.hardware, request.seconds
    work = traffic(request.model, replace(shape, layers=outcome.plan.layers))
    floor_s = None
    if card is not None:
        floor_s = least_s(work, shape.dtype, card, device.cache_bytes())
    rule = replace(STEP_RULE, seconds=seconds, warmup_s=min(STEP_RULE.warmup_s, seconds / 4))

    def on_start(timings: StepTimings) -> None:
        outcome.timings = timings

    with watch.bar("timing the step and its kernels") as advance:

        def on_round(used: float) -> None:
            advance(used, 1.0)
            keep.tick()

        return time_step(step, ceiling, work.bound, rule, floor_s, on_round, on_start)


def _wrong_since(
    selected: SelectedStep, timings: StepTimings, witness: Witness, watch: DecodeWatch
) -> list[str]:
    """What raised in the race; else what of the step and its kernels is wrong after it."""
    timed = [*timings.everything, timings.ceiling, *filter(None, [timings.gemm])]
    raised = [f"{_name(one)} is invalid: {one.fault}" for one in timed if one.fault]
    if not timings.finished or raised:
        return raised
    watch.status("checking the step and its kernels again")
    raised = witness.faults([one for one in timed[:1] if isinstance(one, Entrant)])
    top = timings.ceiling
    if isinstance(top, Entrant) and (fault := top.check_again()):
        raised.append(f"the read kernel of the ceiling is wrong: {fault}")
    return raised + wrong_kernels(selected, lambda done, total: None, foreign_only=True)


def _name(one: Samples) -> str:
    """Of a kernel, or of the step."""
    kernel = one.kernel if isinstance(one, Entrant) else None
    return one.name if kernel is None else named(kernel)
