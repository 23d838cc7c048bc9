"""Where a serving figure's yardstick comes from: datasheets, or a saved record of ``decode``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from truetpot.errors import UserError
from truetpot.facts.floor import floor
from truetpot.facts.hardware import Hardware, recognise
from truetpot.facts.models import Model, load_model
from truetpot.facts.traffic import traffic
from truetpot.files import read_json, shortened_path
from truetpot.serving.yardstick import Yardstick


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
    record = _load(path)
    try:
        model, tp = load_model(record["model"]), int(record["tp"])
        format, kv_format = str(record["format"]), str(record["kv_format"])
        context, batch = int(record["context"]), int(record["batch"])
        rungs = record["rungs"]
        identity = record["environment"]["device"]
        step_ms = float((rungs["step"] or rungs["kernels"])["ms_per_token"])
        ceiling_ms = float(rungs["ceiling"]["ms_per_token"])
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{path} is not a finished record of truetpot decode --json; make one with "
            "truetpot decode --json FILE."
        ) from None

    def bound(context: float, batch: float) -> int:
        return traffic(
            model, tp=tp, format=format, kv_format=kv_format,
            context=int(context), batch=max(1, int(batch)),
        ).bound  # fmt: skip

    hardware = recognise(str(identity.get("name")), identity.get("memory_bytes"))
    measured = bound(context, batch)
    if hardware is not None:
        floor_s = _floor_of(model, hardware, tp, format, kv_format)
        source = f"datasheet of {hardware.title}, {hardware.bandwidth_gb_s:g} GB/s"
    else:
        source = f"the read bandwidth measured on {identity.get('name')}; no datasheet is known"

        def floor_s(context: float, batch: float) -> float:
            return ceiling_ms * 1e-3 * bound(context, batch) / measured

    return Yardstick(
        what=f"{model.name} {format} on {identity.get('name')}, tp = {tp}",
        floor_s=floor_s,
        floor_from=source,
        step_s=lambda context, batch: step_ms * 1e-3 * bound(context, batch) / measured,
        step_from=f"{step_ms:.2f} ms measured at context {context}, batch {batch} ({path.name})",
        step_batch=batch,
        weight_format=format,
        tp=tp,
        devices=str(identity.get("name")),
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


def _load(path: Path) -> dict[str, Any]:
    record = read_json(path, "a record of truetpot decode --json")
    if not isinstance(record, dict):
        shown = shortened_path(path)
        raise UserError(f"{shown} is not a record of truetpot decode --json.")
    return record
