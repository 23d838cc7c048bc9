"""The record of a prediction: a step for each batch, and what was not believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from truetpot import __version__
from truetpot.errors import UserError
from truetpot.facts.hardware import Hardware
from truetpot.records.opening import now
from truetpot.records.predict import PredictRecord
from truetpot.stack.library.read import Library
from truetpot.stack.predict.borrowed import Shelf
from truetpot.stack.predict.operators import Point
from truetpot.stack.predict.step import launch_seconds, predict_step

DTYPES = ("fp16", "bf16")


def predict_record(
    point: Point,
    batches: Sequence[int],
    card: Hardware,
    library: Library,
    name: str,
    launch_us: float | None,
    command: str,
) -> PredictRecord:
    """A step at each batch. Raises UserError where the library cannot answer."""
    if point.dtype not in DTYPES:
        raise UserError(f"--dtype {point.dtype} is not one of {', '.join(DTYPES)}.")
    shelf = Shelf(library.tables, card)
    launch_s = launch_seconds(shelf, launch_us)
    steps = [predict_step(replace(point, batch=one), card, shelf, launch_s) for one in batches]
    return PredictRecord(
        started=now(),
        command=command,
        truetpot=__version__,
        model=point.model.name,
        device=card.key,
        tp=point.tp,
        format=point.format,
        kv_format=point.kv_format,
        dtype=point.dtype,
        context=point.context,
        library=name,
        bandwidth_gb_s=shelf.bandwidth / 1e9,
        launch_us=launch_s * 1e6,
        steps=steps,
        notes=_notes(shelf),
    )


def _notes(shelf: Shelf) -> list[str]:
    found = [
        f"passed over: {one.name} has rows that cannot be true (truetpot library lists them)"
        for one in shelf.passed_over
    ]
    found.append(
        "the ends of the interval are the sums of the terms' ends; the scheduler, sampling beyond "
        "the greedy token and the host's gaps are not in it"
    )
    return found
