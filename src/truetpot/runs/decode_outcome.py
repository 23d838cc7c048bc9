"""What was asked of ``truetpot decode``, and what is known so far: a record at any moment."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

from msgspec import UNSET, structs

from truetpot import __version__
from truetpot.decode.checkpoint import CheckpointWeights
from truetpot.decode.fit import Plan, plan
from truetpot.decode.program import decode_program
from truetpot.decode.weights import SyntheticWeights, WeightSource
from truetpot.errors import UserError
from truetpot.facts.floor import floor
from truetpot.facts.models import Model
from truetpot.facts.traffic import traffic
from truetpot.facts.workload import Workload
from truetpot.files import expanded
from truetpot.ladder import Extent, StepTimings, Swept, Work, build_ladder
from truetpot.measure import record
from truetpot.measure.ceiling import Ceiling
from truetpot.measure.collectives import CollectiveResult
from truetpot.measure.entrant import Entrant
from truetpot.records.decode import DecodeRecord, PlanRow, StepTiming
from truetpot.records.opening import Opening
from truetpot.records.rungs import Ladder
from truetpot.runs.setting import Setting
from truetpot.runtime.distributed import agreed
from truetpot.runtime.group import Group
from truetpot.runtime.memory import peak_rss_bytes
from truetpot.stats import Samples
from truetpot.text import gib, one_line


@dataclass(frozen=True)
class Request:
    """What the user asked for. ``share`` says that he named the share himself."""

    model: Model
    shape: Workload
    setting: Setting
    rank: int
    share: bool
    weights: Path | None
    seed: int
    seconds: float
    tokens: tuple[int, ...] | None = None
    """That are fed instead of timing."""
    trace: Path | None = None
    """Where torch.profiler's trace of some steps goes, once they have been timed."""

    def source(self, shape: Workload) -> WeightSource:
        """Where parameters come from; a checkpoint is looked through at once."""
        if self.weights is None:
            return SyntheticWeights(self.model, shape, self.seed, self.rank)
        return CheckpointWeights(expanded(self.weights), self.model, shape, self.rank)

    def about(self) -> dict[str, str]:
        """What has to be the same on all ranks."""
        content = _digest(replace(self.model, source=""))
        return {name: str(value) for name, value in asdict(self.shape).items()} | {
            "truetpot": __version__,
            "torch": str(record.installed("torch")),
            "model": f"{self.model.name} ({content})",
            "weights": "random" if self.weights is None else self.weights.name,
            "seed": str(self.seed),
            "tokens": "none" if self.tokens is None else _digest(self.tokens),
            "providers": ", ".join(self.setting.providers),
        }

    def plan(self, set_aside: int) -> Plan:
        """What fits beside ``set_aside`` bytes on every rank; UserError where nothing does."""
        decode_program(self.model, self.shape)  # refuses a shape that the model does not have
        free = agreed.free_bytes(self.setting.device)
        left = None if free is None else free - set_aside
        chosen = plan(self.model, self.shape, left)
        self.setting.device.group.same((chosen.layers, chosen.shape), "plan")
        if self.share and chosen.sharded:
            assert left is not None
            raise UserError(
                f"The whole {self.model.name} does not fit in {gib(left)}; leave out --shard and "
                "the smallest share that fits is taken, or give --layers."
            )
        return chosen


def _digest(what: Any) -> str:
    """Short and the same for the same."""
    return f"{crc32(repr(what).encode()):08x}"


@dataclass
class Outcome:
    """What is known so far: enough for a record at any moment."""

    request: Request
    plan: Plan
    opening: Opening
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
    def group(self) -> Group:
        """The ranks whose step it is."""
        return self.request.setting.device.group

    @property
    def finished(self) -> bool:
        """Whether the timing came to its own end."""
        return self.timings is not None and self.timings.finished

    @property
    def measured(self) -> bool:
        """Whether there is a round of the step."""
        return self.timings is not None and self.timings.rounds > 0

    def failed(self, error: Exception) -> None:
        """The run ends here, with what it has."""
        self.interrupted = True
        self.notes.append(f"the run was ended by {type(error).__name__}: {one_line(str(error))}")

    def release(self) -> None:
        """Let go of the memory that what was timed holds on to."""
        if self.timings is not None:
            for one in [*self.timings.everything, self.timings.ceiling, self.timings.gemm]:
                if isinstance(one, Entrant):
                    one.release()

    def so_far(self) -> DecodeRecord | None:
        """The record of a run that goes on; None before it has a round."""
        return self.partial() if self.measured else None

    def partial(self) -> DecodeRecord:
        """The record of a run that ends here, whatever there is."""
        return self.record(self.ladder(), partial=True)

    @property
    def extrapolation(self) -> str | None:
        """What is said of a measurement of some layers only."""
        return self.extent.note or None

    @property
    def extent(self) -> Extent:
        """Layers measured, and of the model."""
        return Extent(self.plan.layers, self.request.model.layers)

    def own_ladder(self) -> Ladder:
        """The rungs that this rank's measurement gives."""
        model, shape, card = self.request.model, self.plan.shape, self.request.setting.hardware
        step = traffic(model, replace(shape, layers=None))
        return build_ladder(
            Work(step.bound, step.operations),
            self.extent,
            None if card is None else floor(model, card, shape),
            None if self.ceiling is None else _swept(self.ceiling),
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
        valid = built.valid and not self.wrong
        return structs.replace(built, valid=valid, warnings=tuple(warnings))

    def record(self, ladder: Ladder, partial: bool = False) -> DecodeRecord:
        """What is known so far; ``partial`` also where the run goes on."""
        partial = partial or self.interrupted
        shape, request, opening = self.plan.shape, self.request, self.opening
        return DecodeRecord(
            started=opening.started,
            command=opening.command,
            environment=opening.environment,
            partial=partial,
            model=request.model.name,
            format=shape.format,
            kv_format=shape.kv_format,
            dtype=shape.dtype,
            context=shape.context,
            batch=shape.batch,
            query_tokens=UNSET if shape.query_tokens == 1 else shape.query_tokens,
            page=shape.page,
            tp=shape.tp,
            rank=request.rank,
            sharded=self.plan.sharded,
            device=request.setting.device.name,
            weights=None if request.weights is None else str(request.weights),
            seed=request.seed,
            layers_measured=self.plan.layers,
            layers_total=request.model.layers,
            extrapolation=self.extrapolation,
            parameters=request.model.parameters(),
            rungs=ladder.rungs,
            losses=ladder.losses,
            share_of_ceiling=ladder.share_of_ceiling,
            operators=list(ladder.operators),
            valid=ladder.valid,
            warnings=list(ladder.warnings),
            ranks=list(ladder.ranks),
            communication=ladder.communication,
            step_timing=None if self.timings is None else _timing(self.timings),
            ceiling=None if self.ceiling is None else self.ceiling.record(),
            providers=self.providers,
            collectives=[result.record() for result in self.collectives],
            build_s=self.build_s,
            plan=PlanRow(
                sentence=self.plan.sentence(),
                needed_bytes=self.plan.needs.total,
                free_bytes=self.plan.free_bytes,
            ),
            state_after=request.setting.device.state(),
            peak_rss_bytes=peak_rss_bytes(),
            finished=self.finished,
            interrupted_during=self.stage if partial else None,
        )


def _swept(found: Ceiling) -> Swept:
    """What the sweeps found, as the ladder takes it."""
    if found.gemm is None:
        return Swept(found.provider, found.bandwidth)
    return Swept(found.provider, found.bandwidth, found.gemm.rate, found.gemm.name)


def _timing(timings: StepTimings) -> StepTiming | None:
    """The step's own samples, and those of the eager step; None before the first round."""
    if not timings.rounds:
        return None
    eager = None if timings.eager is None else _samples(timings.eager)
    return structs.replace(_samples(timings.step), rounds=timings.rounds, eager=eager)


def _samples(entrant: Samples) -> StepTiming:
    device, wall = entrant.stats, entrant.wall
    return StepTiming(
        submitted=entrant.submitted,
        stop=entrant.stop,
        median_s=device.median_s,
        ci_s=(device.low_s, device.high_s),
        cv=device.cv,
        wall_median_s=wall.median_s,
        wall_ci_s=(wall.low_s, wall.high_s),
        enqueue_median_s=sorted(entrant.enqueue_s)[len(entrant.enqueue_s) // 2],
        bytes=entrant.bytes,
        samples_s=entrant.device_s,
        wall_samples_s=entrant.wall_s,
    )
