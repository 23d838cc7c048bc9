"""The run behind ``truetpot decode``: plan, check, ceiling, weights, timing, ladder, record."""

from __future__ import annotations

import socket
import statistics
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any
from zlib import crc32

from truetpot import __version__
from truetpot.cli.checks import wrong_kernels
from truetpot.cli.collectives_run import choose_all_reduce
from truetpot.cli.command import uninterrupted
from truetpot.cli.setting import Setting, busy, sweep_rule, why_no_spec
from truetpot.decode.checkpoint import CheckpointWeights
from truetpot.decode.engine import DecodeStep
from truetpot.decode.fit import Plan, plan
from truetpot.decode.program import StepShape, decode_program
from truetpot.decode.weights import SyntheticWeights, WeightSource
from truetpot.errors import UserError
from truetpot.facts.models import Model
from truetpot.ladder import Ladder, RankRow, build_ladder, merged, step_traffic
from truetpot.measure import record
from truetpot.measure.ceiling import Ceiling, buffer_bytes, find_ceiling
from truetpot.measure.collectives import CollectiveResult
from truetpot.measure.race import Entrant
from truetpot.measure.step import STEP_RULE, StepTimings, time_step
from truetpot.ops import AllReduceCase
from truetpot.report.collectives import draw_collectives
from truetpot.report.ladder import (
    describe_device,
    draw_ladder,
    draw_operators,
    draw_ranks,
    draw_warnings,
)
from truetpot.report.numbers import gib
from truetpot.report.terminal import Terminal
from truetpot.runtime.distributed.group import current
from truetpot.runtime.memory import peak_rss_bytes

KEEP_S = 5.0
"""How often a run of several ranks writes down what it has."""
INVALID = 1
INTERRUPTED = 130


@dataclass(frozen=True)
class Request:
    """What the user asked for. ``share`` says that he named the share himself."""

    model: Model
    shape: StepShape
    setting: Setting
    rank: int
    share: bool
    weights: Path | None
    seed: int
    seconds: float

    def source(self, shape: StepShape) -> WeightSource:
        """Where parameters come from; a checkpoint is looked through at once."""
        if self.weights is None:
            return SyntheticWeights(self.model, shape, self.seed, self.rank)
        return CheckpointWeights(self.weights.expanduser(), self.model, shape, self.rank)

    def about(self) -> dict[str, str]:
        """What has to be the same on all ranks."""
        content = crc32(repr(replace(self.model, source="")).encode())
        return {
            "truetpot": __version__,
            "torch": str(record.installed("torch")),
            "model": f"{self.model.name} ({content:08x})",
            "step": str(self.shape),
            "weights": "random" if self.weights is None else self.weights.name,
            "seed": str(self.seed),
            "providers": ", ".join(self.setting.providers),
        }

    def plan(self, set_aside: int) -> Plan:
        """What fits beside ``set_aside`` bytes on every rank; UserError where nothing does."""
        decode_program(self.model, self.shape)  # refuses a shape that the model does not have
        free = int(current().least(self.setting.device.free_bytes() - set_aside))
        chosen = plan(self.model, self.shape, free)
        if self.share and chosen.sharded:
            raise UserError(
                f"The whole {self.model.name} does not fit in {gib(free)}; leave out --shard and "
                "the smallest share that fits is taken, or give --layers."
            )
        return chosen


@dataclass
class Outcome:
    """What is known so far: enough for a record at any moment."""

    request: Request
    plan: Plan
    opening: dict[str, Any]
    notes: list[str]
    """For the reader, found before and beside the measurement."""
    stage: str = "check"
    wrong: list[str] = field(default_factory=list)
    ceiling: Ceiling | None = None
    build_s: float | None = None
    providers: dict[str, str] = field(default_factory=dict)
    timings: StepTimings | None = None
    interrupted: bool = False
    collectives: list[CollectiveResult] = field(default_factory=list)
    """Of which the step's was chosen."""
    merged: Ladder | None = None
    """Of all ranks, once they have been asked."""

    @property
    def finished(self) -> bool:
        """Whether the timing came to its own end."""
        return self.timings is not None and self.timings.finished

    @property
    def extrapolation(self) -> str | None:
        """What is said of a measurement of some layers only."""
        total = self.request.model.layers
        if self.plan.layers == total:
            return None
        return f"measured {self.plan.layers} of {total} layers, extrapolated"

    def own_ladder(self) -> Ladder:
        """The rungs that this rank's measurement gives."""
        return build_ladder(
            self.request.model,
            self.plan.shape,
            self.plan.layers,
            self.request.setting.hardware,
            self.ceiling,
            self.timings,
        )

    def ladder(self) -> Ladder:
        """The rungs that can be had, of all ranks if they have been asked."""
        built = self.merged or self.own_ladder()
        warnings = [*self.wrong, *built.warnings, *self.notes]
        if self.plan.sharded and not self.plan.shape.collectives:
            warnings.append(
                f"the whole model does not fit in memory: this is rank 0's share of "
                f"tp = {self.plan.shape.tp}, without communication"
            )
        return replace(built, valid=built.valid and not self.wrong, warnings=tuple(warnings))

    def to_json(self, ladder: Ladder) -> dict[str, Any]:
        """The record; docs/records.md says what the fields mean."""
        shape, needs = self.plan.shape, self.plan.needs
        return {
            **self.opening,
            "model": self.request.model.name,
            "format": shape.weight_format,
            "kv_format": shape.kv_format,
            "dtype": shape.dtype,
            "context": shape.context,
            "batch": shape.batch,
            "page": shape.page,
            "tp": shape.tp,
            "rank": self.request.rank,
            "sharded": self.plan.sharded,
            "device": self.request.setting.device.name,
            "weights": None if self.request.weights is None else str(self.request.weights),
            "seed": self.request.seed,
            "layers_measured": self.plan.layers,
            "layers_total": self.request.model.layers,
            "extrapolation": self.extrapolation,
            "parameters": self.request.model.parameters(),
            **ladder.to_json(),
            "step_timing": None if self.timings is None else _timing(self.timings),
            "ceiling": None if self.ceiling is None else self.ceiling.to_json(),
            "providers": self.providers,
            "collectives": [result.to_json() for result in self.collectives],
            "build_s": self.build_s,
            "plan": {
                "sentence": self.plan.sentence(),
                "needed_bytes": needs.total,
                "free_bytes": self.plan.free_bytes,
            },
            "state_after": self.request.setting.device.state(),
            "peak_rss_bytes": peak_rss_bytes(),
            "finished": self.finished,
            "partial": self.interrupted,
            "interrupted_during": self.stage if self.interrupted else None,
        }


def run(request: Request, json: str | None, terminal: Terminal) -> int:
    """The exit code. Raises UserError for what cannot be run."""
    device = request.setting.device
    set_aside = buffer_bytes(device)
    chosen = request.plan(set_aside)
    weights = request.source(chosen.shape)
    opening = record.header("decode", device)
    outcome = Outcome(request, chosen, opening, [note] if (note := busy(device)) else [])
    _announce(outcome, set_aside, terminal)
    saved = None if current().rank > 0 else json
    keep = Keeper(outcome, saved)
    current().on_loss(keep.lost)
    try:
        _measure(outcome, weights, terminal, keep)
        if outcome.finished:
            outcome.merged = _all_ranks(outcome)
    except KeyboardInterrupt:
        outcome.interrupted = True
    with uninterrupted():
        outcome.interrupted |= outcome.timings is not None and not outcome.finished
        ladder = outcome.ladder()
        keep.write(ladder)
        _show(outcome, ladder, terminal)
        terminal.save_picture(record.command())
    if outcome.interrupted:
        return INTERRUPTED
    return 0 if ladder.valid else INVALID


@dataclass
class Keeper:
    """Writes the record: at the end, and now and then where a lost rank may end the run."""

    outcome: Outcome
    json: str | None
    written: float = field(default_factory=time.monotonic)
    lock: Lock = field(default_factory=Lock)

    def write(self, ladder: Ladder) -> None:
        """The whole record."""
        with self.lock:
            if self.json is not None:
                record.write(self.outcome.to_json(ladder), self.json)
            self.json = None  # a rank that is lost from now on takes nothing with it

    def progress(self) -> None:
        """What is known so far, marked partial; not too often."""
        if current().size == 1 or time.monotonic() - self.written < KEEP_S:
            return
        with self.lock:
            self._partial()

    def lost(self) -> None:
        """The same for the last time, in another thread."""
        if self.lock.acquire(timeout=KEEP_S):
            self._partial()

    def _partial(self) -> None:
        if self.json not in (None, "-"):
            assert self.json is not None
            record.write(self.outcome.to_json(self.outcome.ladder()) | {"partial": True}, self.json)
        self.written = time.monotonic()


def _all_ranks(outcome: Outcome) -> Ladder | None:
    """The ranks' ladders as one, on every rank; None for one rank."""
    group, device = current(), outcome.request.setting.device
    if group.size == 1 or outcome.timings is None or outcome.ceiling is None:
        return None
    mine, timings = outcome.own_ladder(), outcome.timings
    identity = outcome.opening["environment"]["device"]
    talk = mine.communication
    row = RankRow(
        rank=group.rank,
        host=socket.gethostname(),
        device=device.name,
        name=str(identity["name"]),
        uuid=identity.get("uuid"),
        pci_address=identity.get("pci_address"),
        kernels_ms=mine.rungs["kernels"].ms_per_token,
        collectives_ms=0.0 if talk is None else talk.alone_ms,
        step_ms=mine.rungs["step"].ms_per_token,
        ceiling_gb_s=timings.ceiling.bandwidth / 1e9,
        state=device.state(),
    )
    found = group.gather((mine, row))
    return merged([ladder for ladder, _ in found], [row for _, row in found])


def _measure(
    outcome: Outcome, weights: WeightSource, terminal: Terminal, keep: Keeper
) -> None:
    """Fill the outcome, stage by stage; an interrupt passes through."""
    request, shape = outcome.request, outcome.plan.shape
    setting, model = request.setting, request.model
    preference = setting.preference
    if shape.collectives:
        case = AllReduceCase(shape.dtype, shape.batch, model.hidden, shape.tp, in_place=True)
        preference, outcome.collectives = choose_all_reduce(preference, case, request.seconds)
        if outcome.collectives:
            terminal.show("", draw_collectives(outcome.collectives))
    with terminal.bar("checking each kernel of the step") as advance:
        wrong = wrong_kernels(model, shape, preference, advance)
    outcome.wrong = _of_ranks(wrong)
    if outcome.wrong:
        return

    outcome.stage = "ceiling"
    terminal.status("sweeping the read kernels for the ceiling")
    outcome.ceiling = find_ceiling(setting.device, sweep_rule(request.seconds))

    outcome.stage = "weights"
    what = "making random weights" if request.weights is None else "reading the checkpoint"
    start = time.perf_counter()
    with terminal.bar(what, "GB") as advance:
        step = DecodeStep(
            model,
            shape,
            setting.device,
            preference,
            weights,
            request.rank,
            lambda done, total: advance(done / 1e9, total / 1e9),
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
    must_move = step_traffic(model, shape, outcome.plan.layers).bound
    floor_s = None
    if setting.hardware is not None:
        # what the last-level cache may have kept from the step before need not be read
        cold = max(0, must_move - setting.device.cache_bytes())
        floor_s = setting.hardware.read_ms(cold) * 1e-3
    seconds = request.seconds
    rule = replace(STEP_RULE, seconds=seconds, warmup_s=min(STEP_RULE.warmup_s, seconds / 4))

    def on_start(timings: StepTimings) -> None:
        outcome.timings = timings

    with terminal.bar("timing the step and its kernels") as advance:

        def on_round(used: float) -> None:
            advance(used, 1.0)
            keep.progress()

        time_step(step, outcome.ceiling, must_move, rule, floor_s, on_round, on_start)


def _of_ranks(sentences: list[str]) -> list[str]:
    """Those of all ranks, each once."""
    ranks = current().gather(sentences)
    if len(ranks) == 1:
        return sentences
    said = [(s, rank) for rank, own in enumerate(ranks) for s in own]
    return list(dict.fromkeys(f"rank {rank}: {s}" for s, rank in said))


def _timing(timings: StepTimings) -> dict[str, Any] | None:
    """The step's own samples, both clocks; seconds. ``eager`` has the same of the eager step."""
    if not timings.rounds:
        return None
    eager = None if timings.eager is None else _samples(timings.eager)
    return {"rounds": timings.rounds, **_samples(timings.step), "eager": eager}


def _samples(entrant: Entrant) -> dict[str, Any]:
    device, wall = entrant.stats, entrant.wall
    return {
        "submitted": entrant.submitted,
        "stop": entrant.stop,
        "median_s": device.median_s,
        "ci_s": [device.low_s, device.high_s],
        "cv": device.cv,
        "wall_median_s": wall.median_s,
        "wall_ci_s": [wall.low_s, wall.high_s],
        "enqueue_median_s": sorted(entrant.enqueue_s)[len(entrant.enqueue_s) // 2],
        "bytes": entrant.bytes,
        "samples_s": entrant.device_s,
        "wall_samples_s": entrant.wall_s,
    }


def _announce(outcome: Outcome, set_aside: int, terminal: Terminal) -> None:
    request, shape = outcome.request, outcome.plan.shape
    setting = request.setting
    rank = f", rank {request.rank} of tp = {shape.tp}, no communication" if shape.tp > 1 else ""
    if shape.collectives:
        rank = f", tp = {shape.tp} over {current().backend}"
    page = f", pages of {shape.page}" if shape.page else ""
    terminal.say(
        f"{request.model.name} ({request.model.parameters() / 1e9:.2f} B parameters, "
        f"{request.model.layers} layers): {shape.weight_format} weights, {shape.dtype} "
        f"activations, {shape.kv_format} KV{page}, context {shape.context}, batch {shape.batch}"
        f"{rank}",
        "bold",
    )
    terminal.say(describe_device(setting.device.name, outcome.opening["environment"]))
    terminal.say(f"{outcome.plan.sentence()}, {gib(set_aside)} set aside for the ceiling's buffer")
    if outcome.plan.sharded:
        terminal.say(
            "The whole model does not fit: taking the smallest tensor-parallel share that does.",
            "yellow",
        )
    if outcome.extrapolation is not None:
        terminal.say(f"To be {outcome.extrapolation}.", "yellow")


def _submitting(timings: StepTimings) -> str:
    """What the host needs to submit every kernel, where submitting does not wait for the end."""
    eager = timings.eager or timings.step
    enqueue = statistics.median(eager.enqueue_s)
    if enqueue >= 0.999 * eager.wall.median_s:
        return ""
    return f"; submitting its kernels one by one takes the host {enqueue * 1e3:.2f} ms"


def _show(outcome: Outcome, ladder: Ladder, terminal: Terminal) -> None:
    absent = {}
    if "spec" not in ladder.rungs:
        absent["spec"] = why_no_spec(outcome.request.setting)
    terminal.show("", draw_ladder(ladder, absent))
    if ladder.communication is not None:
        terminal.show("", draw_ranks(ladder))
    if ladder.operators:
        terminal.show("", draw_operators(ladder))
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
