"""What a serving figure is held against: a datasheet's floor, or a saved record of ``decode``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from truetpot.errors import UserError
from truetpot.facts.floor import floor
from truetpot.facts.hardware import Hardware, recognise
from truetpot.facts.mixes import all_mixes, file_bytes
from truetpot.facts.models import Model, load_model
from truetpot.facts.roofline import Limit, roofline
from truetpot.facts.traffic import Traffic, traffic
from truetpot.records.decode import DecodeRecord
from truetpot.records.rungs import Rung
from truetpot.records.store import read_record
from truetpot.records.sweep import SweepRecord
from truetpot.records.words import PointStatus
from truetpot.serving.chosen import Chosen, Flags, choose
from truetpot.serving.records import Run
from truetpot.text import escaped

Q8_0_BYTES = 34 / 32
"""Of a weight."""
SERVED = "int8"
"""Activations of a serving run: it may quantise them to 8 bits, and no floor may forbid that."""


@dataclass(frozen=True)
class Yardstick:
    """Seconds of one decode step by context and batch, from below and, if measured, as it was."""

    what: str
    """``qwq-32b fp8_e5m2 on 4 x Intel Arc A770``"""
    floor_s: Callable[[float, float], float]
    """``(context, batch)``: no step can take less (rung ``spec``)."""
    floor_from: str
    """In words: ``31.98 GB / (4 x 560 GB/s)``."""
    step_s: Callable[[float, float], float] | None = None
    """``(context, batch)``: the measured step, carried to another context or batch by the bytes."""
    step_from: str = ""
    step_batches: tuple[int, ...] = (1,)
    """The batches that ``step_s`` was measured at."""
    weight_format: str = ""
    tp: int = 1
    devices: str = ""


def from_facts(
    model: Model, hardware: Hardware, tp: int, format: str, kv_format: str = "fp16"
) -> Yardstick:
    """The floor of a model on ``tp`` cards. Raises UserError for what does not fit together."""
    first = floor(
        model, hardware, tp=tp, format=format, kv_format=kv_format, context=1, dtype=SERVED
    )
    return Yardstick(
        what=f"{model.name} {format} on {tp} x {hardware.title}",
        floor_s=_floor_of(model, hardware, tp, format, kv_format),
        floor_from=(
            f"{first.traffic.bound / 1e9:.2f} GB and the cache a card over "
            f"{hardware.bandwidth_gb_s:g} GB/s{_or_operations(hardware)}"
        ),
        weight_format=format,
        tp=tp,
        devices=hardware.title,
    )


def from_run(run: Run, flags: Flags) -> tuple[Yardstick | None, tuple[str, ...]]:
    """The floor of the model and the card that a file names, or that the user gives.

    With it, a sentence on each choice and what it rests on; without a yardstick, on what is missing
    and which option gives it. Where the file has the size of the weights, a step reads those bytes
    less the embedding and, of a mixture of experts, less the experts that one token does not use.
    Raises UserError for a flag that names no known model, card or format, or does not fit.
    """
    chosen = choose(run.setting, flags)
    said = (*chosen.sentences, *chosen.missing)
    if chosen.missing or chosen.card is None:
        return None, said
    if chosen.nbytes is not None:
        return _from_bytes(chosen, chosen.card, chosen.nbytes), said
    if chosen.model is None or chosen.format is None:
        return None, said
    kv_format = chosen.kv_format or "fp16"
    try:
        found = from_facts(chosen.model, chosen.card, chosen.tp, chosen.format, kv_format)
    except UserError as error:
        if flags != Flags():
            raise
        return None, (*said, str(error))
    if chosen.kv_format is None:
        with_cache = found.floor_s
        found = replace(found, floor_s=lambda _, batch: with_cache(0.0, batch))
    return found, said


def from_record(path: Path) -> Yardstick:
    """A record that ``truetpot decode --json`` wrote, of one point or of a sweep.

    Its step, of a sweep that of the nearest batch and then the nearest context, is carried to
    another context or batch in proportion to the floor, which is the bytes that must be read or,
    where they take longer, the operations. On a device without a datasheet in the tables the floor
    is what was measured as the ceiling.
    """
    what = "a record of truetpot decode --json"
    if read_record(path, _Kind, what).kind != "sweep":
        return _from_point(read_record(path, DecodeRecord, what), path, what)
    points = read_record(path, SweepRecord, what).points
    done = [one.record for one in points if one.status is PointStatus.OK and one.record is not None]
    if not done:
        raise UserError(f"No point of {escaped(str(path))} was finished; give {what} that has one.")
    return _from_points(done, [_from_point(record, path, what) for record in done], path)


class _Kind(msgspec.Struct):
    """Of a record, whichever it is."""

    kind: str = ""


def _from_points(
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

    batches = tuple(sorted({record.batch for record in records}))
    named = ", ".join(map(str, batches))
    return replace(
        yardsticks[0],
        floor_s=lambda context, batch: nearest(context, batch).floor_s(context, batch),
        step_s=step_s,
        step_from=f"{len(records)} steps measured, batches {named}; the nearest ({path.name})",
        step_batches=batches,
    )


def _from_point(record: DecodeRecord, path: Path, what: str) -> Yardstick:
    """Of one ladder. Raises UserError for one that is not valid, or has no step."""
    format, kv_format, tp = record.format, record.kv_format, record.tp
    context, batch = record.context, record.batch
    step = record.rungs.step or record.rungs.kernels
    ceiling = record.rungs.ceiling
    if step is None or ceiling is None:
        raise UserError(
            f"{escaped(str(path))} was interrupted before its kernels were timed; give {what} that "
            "has rungs."
        )
    if not record.valid:
        reason = escaped(next(iter(record.warnings), "no reason is given")).rstrip(".")
        raise UserError(
            f"{escaped(str(path))} says that its run was not valid ({reason}); give {what} that is."
        )
    if record.query_tokens:
        raise UserError(
            f"{escaped(str(path))} is of steps with {record.query_tokens} query tokens, which "
            f"yield as many tokens as are accepted; give {what} of one."
        )
    step_ms = step.ms_per_token
    model, identity = load_model(record.model), record.environment.device

    def work(context: float, batch: float) -> Traffic:
        return traffic(
            model, tp=tp, format=format, kv_format=kv_format,
            context=int(context), batch=max(1, int(batch)),
        )  # fmt: skip

    hardware = recognise(identity["name"], identity.get("memory_bytes"))
    if hardware is not None:
        floor_s = _floor_of(model, hardware, tp, format, kv_format)
        # what was measured here has activations of the record's dtype
        carried_s = _floor_of(model, hardware, tp, format, kv_format, record.dtype)
        source = f"datasheet of {hardware.title}, {hardware.bandwidth_gb_s:g} GB/s"
    else:
        source = f"the read bandwidth measured on {identity['name']}; no datasheet is known"
        rates = _measured_rates(record, ceiling, work(context, batch))

        def floor_s(context: float, batch: float) -> float:
            step = work(context, batch)
            return roofline(step.bound * rates[0], step.operations * rates[1])[0]

        carried_s = floor_s
    measured_s = carried_s(context, batch)
    return Yardstick(
        what=f"{model.name} {format} on {identity['name']}, tp = {tp}",
        floor_s=floor_s,
        floor_from=source,
        step_s=lambda context, batch: step_ms * 1e-3 * carried_s(context, batch) / measured_s,
        step_from=f"{step_ms:.2f} ms measured at context {context}, batch {batch} ({path.name})",
        step_batches=(batch,),
        weight_format=format,
        tp=tp,
        devices=identity["name"],
    )


def _from_bytes(chosen: Chosen, card: Hardware, nbytes: int) -> Yardstick:
    """The floor of weights whose size the file tells, spread evenly over the cards."""
    model, kv_format, ways = chosen.model, chosen.kv_format, chosen.tp
    read = nbytes if model is None else weights_read(model, chosen.format, nbytes)
    named = "" if model is None else f"{model.name}{f' {chosen.format}' if chosen.format else ''}, "

    def floor_s(context: float, batch: float) -> float:
        if model is None:
            return card.read_ms(read / ways) * 1e-3
        # without a known cache neither its bytes nor what is done with it count
        at: dict[str, Any] = {"context": int(context), "batch": max(1, int(batch))}
        step = traffic(model, format="fp16", kv_format=kv_format or "fp16", **at)
        cache, operations = step.kv, step.operations
        if kv_format is None:
            cache, operations = 0, step.linear_operations
        return card.least_ms((read + cache) / ways, operations / ways, SERVED) * 1e-3

    return Yardstick(
        what=f"{named}{nbytes / 1e9:.2f} GB of weights, on {ways} x {card.title}",
        floor_s=floor_s,
        floor_from=(
            f"{read / ways / 1e9:.2f} GB and the cache a card over {card.bandwidth_gb_s:g} GB/s"
            f"{'' if model is None else _or_operations(card)}"
        ),
        weight_format=chosen.format or "",
        tp=ways,
        devices=card.title,
    )


def weights_read(model: Model, format: str | None, nbytes: int) -> int:
    """Of a file of this size, the bytes that one token's step has to read.

    Of a mix, all but what the mix's own file has beside them: the embedding, unless it is lm_head,
    norms, biases, and the experts that the token does not use. Without a format every weight counts
    as the average one, norms and biases as fp32, the embedding as 8.5 bits where that is more:
    published files with a larger embedding (Q4_K_L) have it in Q8_0.
    """
    step = traffic(model, format=format or "fp16", context=0)
    if format is not None:
        return nbytes - (file_bytes(model, all_mixes()[format]) - step.bound)
    table = 0 if model.tied else model.embedding_elements()
    vectors = model.norm_elements() + model.bias_elements()
    matrices = nbytes - table * max(nbytes / model.parameters(), Q8_0_BYTES) - 4 * vectors
    used = sum(row.linear.weights * row.linear.count for row in step.linears)
    return max(0, int(matrices * used / (model.parameters() - table - vectors)))


def _floor_of(
    model: Model, hardware: Hardware, tp: int, format: str, kv_format: str, dtype: str = SERVED
) -> Callable[[float, float], float]:
    def floor_s(context: float, batch: float) -> float:
        # whole tokens and sequences, rounded down: it has to stay a bound
        found = floor(
            model, hardware, tp=tp, format=format, kv_format=kv_format,
            context=int(context), batch=max(1, int(batch)), dtype=dtype,
        )  # fmt: skip
        return found.ms_per_token * 1e-3

    return floor_s


def _or_operations(card: Hardware) -> str:
    rate = card.tops(SERVED)
    return "" if rate is None else f", or its operations over {rate:.4g}e12 a second"


def _measured_rates(record: DecodeRecord, ceiling: Rung, step: Traffic) -> tuple[float, float]:
    """Seconds of a byte and of an operation, at what was measured beside the step."""
    seconds, gemm = ceiling.ms_per_token * 1e-3, record.ceiling and record.ceiling.gemm
    if ceiling.bound_by is Limit.OPERATIONS and record.ceiling is not None:
        return 1 / (record.ceiling.gb_s * 1e9), seconds / step.operations
    return seconds / step.bound, 1 / (gemm.tflops * 1e12) if gemm else 0.0
