"""The run behind ``truetpot decode``: plan, check, ceiling, weights, timing, check, ladder."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field, replace
from threading import Lock

from truetpot.cli.checks import wrong_kernels
from truetpot.cli.collectives_choice import choose_all_reduce
from truetpot.cli.command import uninterrupted
from truetpot.cli.decode_outcome import Outcome, Request
from truetpot.cli.decode_show import announce, show
from truetpot.cli.setting import busy, sweep_rule
from truetpot.decode.engine import DecodeStep
from truetpot.decode.weights import WeightSource
from truetpot.errors import KernelError
from truetpot.ladder import Ladder, RankRow, merged, step_traffic
from truetpot.measure import record
from truetpot.measure.ceiling import buffer_bytes, find_ceiling
from truetpot.measure.step import STEP_RULE, StepTimings, time_step
from truetpot.measure.step_check import Witness
from truetpot.ops import AllReduceCase, RmsNormCase
from truetpot.ops.guard import named
from truetpot.report.collectives import draw_collectives
from truetpot.report.terminal import Terminal
from truetpot.runtime.distributed.group import current
from truetpot.runtime.running import position

KEEP_S = 5.0
"""How often a run of several ranks writes down what it has."""
INVALID = 1
INTERRUPTED = 130


def run(request: Request, json: str | None, terminal: Terminal) -> int:
    """The exit code. Raises UserError for what cannot be run."""
    device = request.setting.device
    set_aside = buffer_bytes(device)
    chosen = request.plan(set_aside)
    weights = request.source(chosen.shape)
    opening = record.header("decode", device)
    outcome = Outcome(request, chosen, opening, [note] if (note := busy(device)) else [])
    announce(outcome, set_aside, terminal)
    saved = None if current().rank > 0 else json
    keep = Keeper(outcome, saved)
    current().on_loss(keep.lost)
    try:
        _measure(outcome, weights, terminal, keep)
        if outcome.finished:
            outcome.merged = _all_ranks(outcome)
    except KeyboardInterrupt:
        outcome.interrupted = True
    except KernelError as fault:
        if current().size > 1:  # the other ranks wait for this one: all are ended
            raise
        outcome.wrong.append(str(fault))
    with uninterrupted():
        outcome.interrupted |= outcome.timings is not None and not outcome.finished
        ladder = outcome.ladder()
        keep.write(ladder)
        show(outcome, ladder, terminal)
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
        if time.monotonic() - self.written < KEEP_S:
            return
        self.supervised()
        if current().size == 1:
            return
        with self.lock:
            self._partial()

    def supervised(self) -> None:
        """The same for a supervisor, which writes it down should a kernel end this process."""
        if (here := position()) is not None:
            known = self.outcome.to_json(self.outcome.ladder())
            stage = {"partial": True, "interrupted_during": self.outcome.stage}
            here.keep(known | stage, self.json, going_on=False)
            self.written = time.monotonic()

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
        norm = RmsNormCase(shape.dtype, shape.batch, model.hidden, model.rms_eps, residual=True)
        preference, outcome.collectives = choose_all_reduce(
            preference, case, norm, request.seconds
        )
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
    outcome.wrong += _of_ranks([*outcome.ceiling.left_out])
    keep.supervised()

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
    keep.supervised()
    witness = Witness(step)
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

        timings = time_step(step, outcome.ceiling, must_move, rule, floor_s, on_round, on_start)
    raised = [
        f"{named(one.kernel) if one.kernel else one.name} is invalid: {one.fault}"
        for one in timings.all_entrants
        if one.fault
    ]
    if timings.finished and not raised:
        terminal.status("checking the step and its kernels again")
        raised = witness.faults([timings.step])
        if fault := timings.ceiling.check_again():
            raised.append(f"the read kernel of the ceiling is wrong: {fault}")
        raised += wrong_kernels(
            model, shape, preference, lambda done, total: None, foreign_only=True
        )
    outcome.wrong += _of_ranks(raised)


def _of_ranks(sentences: list[str]) -> list[str]:
    """Those of all ranks, each once."""
    ranks = current().gather(sentences)
    if len(ranks) == 1:
        return sentences
    said = [(s, rank) for rank, own in enumerate(ranks) for s in own]
    return list(dict.fromkeys(f"rank {rank}: {s}" for s, rank in said))
