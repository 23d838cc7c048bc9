"""The whole single-token decode step, random weights."""

from __future__ import annotations

import sys

from truetpot.cli.checks import wrong_kernels
from truetpot.decode.engine import DecodeStep as Step
from truetpot.decode.fit import SHARDS, plan
from truetpot.decode.fuse import fused_program
from truetpot.decode.preference import Preference
from truetpot.decode.traffic import step_least_s, step_traffic
from truetpot.decode.weights import SyntheticWeights
from truetpot.errors import UserError
from truetpot.facts.models import load_model
from truetpot.measure.entrant import Entrant
from truetpot.measure.step_check import Witness
from truetpot.report.config import with_origin

from . import common

LAYERS = f", {common.SIZE.layers} layers" if common.SIZE.layers else ""
USUAL = ("numba", "triton", "torch")
"""Who serves the operators that a provider has no kernel for."""


class DecodeStep:
    """One token through the model, or through the smallest share of it that the memory holds.

    The share is the parameter ``tp``: the one that was measured has a time, the others are n/a.
    """

    version = "2"
    unit = "seconds"
    timeout = 3600
    param_names = ("device", "provider", "format", "model", "tp")
    params = (
        [common.DEVICE],
        common.providers(),
        ["sym_int4"],
        [common.SIZE.model + LAYERS],
        [1, *SHARDS],
    )

    def track_device_time(self, device, provider, format, model, tp):
        """Seconds by the device's clock."""
        return common.samples(_timed(device, provider, format, tp).device_s)

    def track_wall_time(self, device, provider, format, model, tp):
        """Seconds by the host's clock."""
        if device == "cpu":
            common.skip("a CPU has one clock: its wall time is its device time")
        return common.samples(_timed(device, provider, format, tp).wall_s)

    track_device_time.rounds = track_wall_time.rounds = common.ROUNDS


def _timed(device: str, provider: str, format: str, tp: int) -> Entrant:
    """The timed step, every kernel of it checked before and after."""
    here, model = common.device(device), load_model(common.SIZE.model)
    try:
        shape = common.shape(device, format, common.SIZE.contexts[0])
        chosen = plan(model, shape, here.free_bytes())
        if not chosen.whole:
            common.skip(f"no share of {model.name} fits: {chosen.sentence()}")
        if chosen.shape.tp != tp:
            common.skip(f"it is tp = {chosen.shape.tp} that is measured here: {chosen.sentence()}")
        preference = Preference(dict.fromkeys((provider, *USUAL)), here)
        program = fused_program(
            model, chosen.shape, preference.rank, preference.composites()
        )
        if all(preference.rank(call.op, call.case) != 0 for call in program.calls):
            common.skip(f"{provider} has no kernel of this step on {device}")
        if wrong := wrong_kernels(model, chosen.shape, preference, lambda done, total: None):
            raise RuntimeError("; ".join(wrong))
        weights = SyntheticWeights(model, chosen.shape)
        step = Step(model, chosen.shape, here, preference.providers, weights)
    except UserError as error:
        common.skip(str(error))
    for kernel, role in {bound.kernel: bound.call.role for bound in step.bound}.items():
        choice = kernel.choice
        if ran := with_origin(kernel.parameters, choice.origin, choice.of_case):
            print(f"{role} {kernel.provider}: {ran}", file=sys.stderr)
    witness = Witness(step)
    work = step_traffic(model, chosen.shape, chosen.layers)
    entrant = Entrant(
        "step", [step.run], bytes=work.bound, elapsed=True,
        also=lambda: step.state.values["logits"],
    )  # fmt: skip

    def check_again() -> str:
        still = wrong_kernels(
            model, chosen.shape, preference, lambda done, total: None, foreign_only=True
        )
        return "; ".join([*witness.faults([entrant]), *still])

    entrant.check_again = check_again
    if hardware := common.card(here):
        entrant.floor_s = step_least_s(work, chosen.shape, hardware, here.cache_bytes())
    return common.race_alone(entrant, here)
