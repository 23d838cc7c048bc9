"""What a serving figure is held against: a datasheet's floor, or a saved record of ``decode``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from truetpot.errors import UserError
from truetpot.facts.floor import floor
from truetpot.facts.hardware import Hardware, recognise
from truetpot.facts.models import Model, load_model
from truetpot.facts.traffic import traffic
from truetpot.records.decode import DecodeRecord
from truetpot.records.store import read_record
from truetpot.text import escaped


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
    step_batch: int = 1
    """The batch that ``step_s`` was measured at."""
    weight_format: str = ""
    tp: int = 1
    devices: str = ""


def from_facts(
    model: Model, hardware: Hardware, tp: int, format: str, kv_format: str = "fp16"
) -> Yardstick:
    """The floor of a model on ``tp`` cards. Raises UserError for what does not fit together."""
    first = floor(model, hardware, tp=tp, format=format, kv_format=kv_format, context=1)
    return Yardstick(
        what=f"{model.name} {format} on {tp} x {hardware.title}",
        floor_s=_floor_of(model, hardware, tp, format, kv_format),
        floor_from=(
            f"{first.traffic.bound / 1e9:.2f} GB and the cache a card over "
            f"{hardware.bandwidth_gb_s:g} GB/s"
        ),
        weight_format=format,
        tp=tp,
        devices=hardware.title,
    )


def from_record(path: Path) -> Yardstick:
    """A record that ``truetpot decode --json`` wrote.

    Its step is carried to another context or batch in proportion to the bytes that must be read. On
    a device without a datasheet in the tables the floor is what was measured as the ceiling.
    """
    what = "a record of truetpot decode --json"
    record = read_record(path, DecodeRecord, what)
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
    step_ms, ceiling_ms = step.ms_per_token, ceiling.ms_per_token
    model, identity = load_model(record.model), record.environment.device

    def bound(context: float, batch: float) -> int:
        return traffic(
            model, tp=tp, format=format, kv_format=kv_format,
            context=int(context), batch=max(1, int(batch)),
        ).bound  # fmt: skip

    hardware = recognise(identity["name"], identity.get("memory_bytes"))
    measured = bound(context, batch)
    if hardware is not None:
        floor_s = _floor_of(model, hardware, tp, format, kv_format)
        source = f"datasheet of {hardware.title}, {hardware.bandwidth_gb_s:g} GB/s"
    else:
        source = f"the read bandwidth measured on {identity['name']}; no datasheet is known"

        def floor_s(context: float, batch: float) -> float:
            return ceiling_ms * 1e-3 * bound(context, batch) / measured

    return Yardstick(
        what=f"{model.name} {format} on {identity['name']}, tp = {tp}",
        floor_s=floor_s,
        floor_from=source,
        step_s=lambda context, batch: step_ms * 1e-3 * bound(context, batch) / measured,
        step_from=f"{step_ms:.2f} ms measured at context {context}, batch {batch} ({path.name})",
        step_batch=batch,
        weight_format=format,
        tp=tp,
        devices=identity["name"],
    )


def _floor_of(
    model: Model, hardware: Hardware, tp: int, format: str, kv_format: str
) -> Callable[[float, float], float]:
    def floor_s(context: float, batch: float) -> float:
        # whole tokens and sequences, rounded down: it has to stay a bound
        found = floor(
            model, hardware, tp=tp, format=format, kv_format=kv_format,
            context=int(context), batch=max(1, int(batch)),
        )  # fmt: skip
        return found.ms_per_token * 1e-3

    return floor_s
