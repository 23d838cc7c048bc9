"""A saved record of ``decode`` as a yardstick: the steps that were measured, and their floor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from truetpot.errors import UserError
from truetpot.facts.hardware import recognise
from truetpot.facts.models import load_model
from truetpot.facts.roofline import Limit, roofline
from truetpot.facts.traffic import Traffic, traffic
from truetpot.facts.workload import Workload
from truetpot.records.agree import check_agrees
from truetpot.records.decode import DecodeRecord
from truetpot.records.rungs import Rung
from truetpot.records.store import read_record
from truetpot.records.sweep import SweepRecord
from truetpot.records.words import PointStatus
from truetpot.serving.chosen import Flags, choose
from truetpot.serving.records import Run
from truetpot.serving.speculation import drafted_a_step, query_tokens_of, verifies
from truetpot.serving.yardstick import SERVED, Yardstick, floor_of
from truetpot.text import escaped

WHAT = "a record of truetpot decode --json"


@dataclass(frozen=True)
class Measured:
    """The points of a record, one or those of a sweep that were finished. All are valid."""

    path: Path
    records: tuple[DecodeRecord, ...]

    def agreeing(self, flags: Flags) -> Measured:
        """Itself. Raises UserError where the user said something else of model, card or formats."""
        for record in self.records:
            check_agrees(record, self.path, asdict(flags))
        return self

    @property
    def query_tokens(self) -> int:
        """Of each sequence in every step: several where it verifies a draft."""
        return self.records[0].query_tokens or 1

    def yardstick_of(self, run: Run) -> Yardstick:
        """For a run's own steps: with as many query tokens as its file states.

        Raises UserError where the record is of another model than the file names, or its steps
        verify another draft than the run's.
        """
        self._same_model(run)
        tokens = self.query_tokens
        if tokens > 1 and not verifies(run, tokens):
            drafted = drafted_a_step(run)
            states = f"{'no' if drafted is None else f'{drafted:.3g}'} draft tokens a step"
            raise UserError(
                f"{escaped(str(self.path))} is of steps with {tokens} query tokens, and the run "
                f"states {states}; give {WHAT} --query-tokens with as many and one more, or of one "
                "query token."
            )
        found, stranger = self.yardstick(query_tokens_of(run)), self._stranger(run)
        if stranger is None:
            return found
        taken = f"{found.what}, although the file names {escaped(stranger)}, not known here"
        return replace(found, what=taken, devices="")

    def _stranger(self, run: Run) -> str | None:
        """The model that the file names, where nothing is known of it: it may be another one."""
        named = run.setting.model
        return named if named and choose(run.setting, Flags()).model is None else None

    def _same_model(self, run: Run) -> None:
        named, own = choose(run.setting, Flags()).model, load_model(self.records[0].model)
        if named is not None and named.parameters() != own.parameters():
            raise UserError(
                f"{escaped(str(self.path))} is of {own.name}, and the run is of {named.name}; give "
                f"{WHAT} of that model."
            )

    def yardstick(self, query_tokens: int | None = None) -> Yardstick:
        """For steps of so many query tokens, by default the record's own."""
        tokens = query_tokens or self.query_tokens
        each = [_of_point(record, self.path, tokens) for record in self.records]
        return each[0] if len(each) == 1 else _of_points(self.records, each, self.path)


def read_measured(path: Path) -> Measured:
    """A record that ``truetpot decode --json`` wrote, of one point or of a sweep.

    Its step, of a sweep that of the nearest batch and then the nearest context, is carried to
    another context, batch or number of query tokens in proportion to the floor, which is the bytes
    that must be read or, where they take longer, the operations. On a device without a datasheet in
    the tables the floor is what was measured as the ceiling. Raises UserError for any other file,
    and for a record that is not valid or has no step.
    """
    if read_record(path, _Kind, WHAT).kind != "sweep":
        records = [read_record(path, DecodeRecord, WHAT)]
    else:
        points = read_record(path, SweepRecord, WHAT).points
        records = [
            one.record for one in points if one.status is PointStatus.OK and one.record is not None
        ]
        if not records:
            raise UserError(
                f"No point of {escaped(str(path))} was finished; give {WHAT} that has one."
            )
    for record in records:
        _check(record, path)
    found = Measured(path, tuple(records))
    found.yardstick()  # refuses what does not fit together before any run is held against it
    return found


class _Kind(msgspec.Struct):
    """Of a record, whichever it is."""

    kind: str = ""


def _check(record: DecodeRecord, path: Path) -> None:
    if _step(record) is None or record.rungs.ceiling is None:
        raise UserError(
            f"{escaped(str(path))} was interrupted before its kernels were timed; give {WHAT} that "
            "has rungs."
        )
    if not record.valid:
        reason = escaped(next(iter(record.warnings), "no reason is given")).rstrip(".")
        raise UserError(
            f"{escaped(str(path))} says that its run was not valid ({reason}); give {WHAT} that is."
        )


def _step(record: DecodeRecord) -> Rung | None:
    return record.rungs.step or record.rungs.kernels


def _of_points(
    records: Sequence[DecodeRecord], yardsticks: Sequence[Yardstick], path: Path
) -> Yardstick:
    """The points of one sweep as one yardstick, each where it is the nearest."""

    def nearest(context: float, batch: float) -> Yardstick:
        def away(i: int) -> tuple[float, float]:
            at = records[i]
            return abs(math.log(at.batch / max(1.0, batch))), abs(at.context - context)

        return yardsticks[min(range(len(records)), key=away)]

    def step_s(context: float, batch: float) -> float:
        measured = nearest(context, batch).step_s
        assert measured is not None
        return measured(context, batch)

    def plain_floor_s(context: float, batch: float) -> float:
        found = nearest(context, batch)
        return (found.plain_floor_s or found.floor_s)(context, batch)

    batches = tuple(sorted({record.batch for record in records}))
    named = ", ".join(map(str, batches))
    return replace(
        yardsticks[0],
        floor_s=lambda context, batch: nearest(context, batch).floor_s(context, batch),
        plain_floor_s=plain_floor_s,
        step_s=step_s,
        step_from=f"{len(records)} steps measured, batches {named}; the nearest ({path.name})",
        step_nearest=lambda context, batch: nearest(context, batch).step_from,
        step_batches=batches,
    )


def _of_point(record: DecodeRecord, path: Path, query_tokens: int) -> Yardstick:
    """Of one ladder, for steps of so many query tokens."""
    format, kv_format, tp = record.format, record.kv_format, record.tp
    context, batch, measured = record.context, record.batch, record.query_tokens or 1
    step, ceiling = _step(record), record.rungs.ceiling
    assert step is not None and ceiling is not None
    step_ms = step.ms_per_token
    model, identity = load_model(record.model), record.environment.device
    hardware = recognise(identity["name"], identity.get("memory_bytes"))

    def work(context: float, batch: float, tokens: int) -> Traffic:
        return traffic(
            model,
            Workload(
                tp=tp,
                format=format,
                kv_format=kv_format,
                context=int(context),
                batch=max(1, int(batch)),
                query_tokens=tokens,
            ),
        )

    if hardware is not None:
        source = f"datasheet of {hardware.title}, {hardware.bandwidth_gb_s:g} GB/s"
        known = model, hardware, tp, format, kv_format

        def floor_s(tokens: int, dtype: str = SERVED) -> Callable[[float, float], float]:
            return floor_of(*known, dtype, tokens)
    else:
        source = f"the read bandwidth measured on {identity['name']}; no datasheet is known"
        rates = _measured_rates(record, ceiling, work(context, batch, measured))

        def floor_s(tokens: int, dtype: str = SERVED) -> Callable[[float, float], float]:
            def at(context: float, batch: float) -> float:
                step = work(context, batch, tokens)
                return roofline(step.bound * rates[0], step.operations * rates[1])[0]

            return at

    # what was measured here has activations of the record's dtype
    carried_s = floor_s(query_tokens, record.dtype)
    measured_s = floor_s(measured, record.dtype)(context, batch)
    where = f"context {context}, batch {batch}{_queries(measured)}"
    carried = f", carried to {query_tokens} by the floor" if query_tokens != measured else ""
    return Yardstick(
        what=f"{model.name} {format} on {identity['name']}, tp = {tp}",
        floor_s=floor_s(query_tokens),
        floor_from=f"{source}{_queries(query_tokens)}",
        hard=hardware is not None,
        query_tokens=query_tokens,
        plain_floor_s=floor_s(1),
        step_s=lambda context, batch: step_ms * 1e-3 * carried_s(context, batch) / measured_s,
        step_from=f"{step_ms:.2f} ms measured at {where}{carried} ({path.name})",
        step_batches=(batch,),
        weight_format=format,
        tp=tp,
        devices=identity["name"],
    )


def _queries(tokens: int) -> str:
    return "" if tokens == 1 else f", {tokens} query tokens"


def _measured_rates(record: DecodeRecord, ceiling: Rung, step: Traffic) -> tuple[float, float]:
    """Seconds of a byte and of an operation, at what was measured beside the step."""
    seconds, gemm = ceiling.ms_per_token * 1e-3, record.ceiling and record.ceiling.gemm
    if ceiling.bound_by is Limit.OPERATIONS and record.ceiling is not None:
        return 1 / (record.ceiling.gb_s * 1e9), seconds / step.operations
    return seconds / step.bound, 1 / (gemm.tflops * 1e12) if gemm else 0.0
