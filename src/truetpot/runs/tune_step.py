"""``truetpot tune --step``: what the searches found, taken to the whole decode step."""

from __future__ import annotations

from collections.abc import Sequence

from truetpot.decode.engine import DecodeStep
from truetpot.decode.fit import plan
from truetpot.decode.selected import SelectedStep
from truetpot.decode.weights import SyntheticWeights
from truetpot.errors import UserError
from truetpot.measure.keeper import Keeper
from truetpot.records.tune import StepDecision, TuneStatus
from truetpot.runs.kernels import Request
from truetpot.runs.watch import Watch
from truetpot.text import gib
from truetpot.tune.figures import Tuned
from truetpot.tune.step import Entry, decide_by_step


def check_room(request: Request, set_aside: int) -> None:
    """Raises UserError where the step does not fit beside so many bytes."""
    (shape,) = request.shapes
    free = request.setting.device.free_bytes()
    chosen = plan(request.model, shape, None if free is None else free - set_aside)
    if chosen.sharded or not chosen.whole:
        assert free is not None
        raise UserError(
            f"The step needs {gib(chosen.needs.total)} or more and {gib(free)} are free; give "
            f"fewer --layers, at most {chosen.layers}, or the share of one of several ranks (--tp)."
        )


def entries(results: Sequence[Tuned]) -> list[Entry]:
    """Of the searches that found a gain."""
    return [
        Entry(
            one.op, one.provider, one.case.label(),
            one.found.default.config, one.found.best.config, one.found.best.gain or 1.0,
        )
        for one in results
        if one.found is not None and one.found.improved
    ]  # fmt: skip


def by_step(
    request: Request,
    selected: SelectedStep,
    results: Sequence[Tuned],
    watch: Watch,
    keep: Keeper,
) -> StepDecision | None:
    """The step's decision, and its status in each result; None where no search found a gain.

    Raises KernelError where the step is wrong, UserError where it does not fit.
    """
    found = entries(results)
    if not found:
        return None
    setting, program = request.setting, selected.program
    weights = SyntheticWeights(program.model, program.shape)
    with watch.bar("making random weights", "GB") as advance:
        step = DecodeStep(
            selected,
            weights,
            progress=lambda done, total: advance(done / 1e9, total / 1e9),
        )
    with watch.bar("timing the step with and without each entry") as advance:

        def on_round(used: float) -> None:
            advance(used, 1.0)
            keep.tick()

        try:
            decision = decide_by_step(step, found, weights, request.seconds, on_round)
        except setting.device.memory_errors as error:
            raise UserError(
                f"{setting.device.name} has not enough memory for the step with and without the "
                "entries; give fewer --layers."
            ) from error
    kept = {(one.op, one.provider, one.case) for one in decision.entries if one.kept}
    for result in results:
        improved = result.found is not None and result.found.improved
        if improved and (result.op, result.provider, result.case.label()) not in kept:
            result.status = TuneStatus.LEFT_OUT
            result.reason = "the step was not shown to keep its speed with it"
    return decision
