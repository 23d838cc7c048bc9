"""A step as the sum of its operators, each borrowed from a library, with an interval."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from truetpot.errors import UserError
from truetpot.facts.floor import floor
from truetpot.facts.hardware import Hardware
from truetpot.facts.workload import Workload
from truetpot.records.predict import PredictedStep, PredictedTerm
from truetpot.stack.predict.borrowed import Borrowed, Shelf
from truetpot.stack.predict.operators import Point, StepOperator, step_operators


def predict_step(point: Point, card: Hardware, shelf: Shelf, launch_s: float) -> PredictedStep:
    """The step of one rank at a point, a term for each operator and role.

    Raises UserError where the library lacks an operator that is more than a launch.
    """
    terms = []
    for asked in step_operators(point):
        launches = _launches(asked, point)
        terms.append(_term(asked, shelf.borrow(asked, launches, launch_s)))
    bound = floor(
        point.model,
        card,
        Workload(
            tp=point.tp,
            format=point.format,
            kv_format=point.kv_format,
            context=point.context,
            batch=point.batch,
        ),
    )
    return PredictedStep(
        batch=point.batch,
        predicted_low_ms=sum(term.low_ms for term in terms),
        predicted_high_ms=sum(term.high_ms for term in terms),
        borrowed_ms=sum(term.predicted_ms or 0.0 for term in terms),
        spec_ms=bound.ms_per_token,
        terms=terms,
    )


def launch_seconds(shelf: Shelf, given_us: float | None) -> float:
    """What a launch takes at most: as given, else by the library. Raises UserError for neither."""
    if given_us is not None:
        if given_us < 0:
            raise UserError(f"--launch-us {given_us:g} is no time of a launch; give 0 or more.")
        return given_us * 1e-6
    if shelf.launch_s is None:
        raise UserError(
            "The library has too few small linear layers to say what a launch takes; give "
            "--launch-us."
        )
    return shelf.launch_s


def _term(asked: StepOperator, got: Borrowed) -> PredictedTerm:
    times = asked.count * 1e3
    source = None
    if got.table is not None:
        origin = got.table.origin
        source = f"{origin.file}: {origin.stack} {origin.version}"
    return PredictedTerm(
        role=asked.role,
        op=asked.op,
        format=asked.format,
        count=asked.count,
        shape=asked.shape,
        bytes=asked.bytes,
        predicted_ms=None if got.seconds is None else got.seconds * times,
        low_ms=got.low_s * times,
        high_ms=got.high_s * times,
        how=got.how,
        source=source,
    )


def _launches(asked: StepOperator, point: Point) -> int:
    name = f"{asked.op}_qk_norm" if point.model.qk_norm else asked.op
    table = _launch_table()
    return table.get(name, table.get(asked.op, 1))


@cache
def _launch_table() -> dict[str, int]:
    text = resources.files("truetpot.stack.predict").joinpath("launches.toml").read_text("utf-8")
    return {op: int(entry["launches"]) for op, entry in tomllib.loads(text).items()}
