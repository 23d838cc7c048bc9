"""The whole single-token decode step, random weights."""

from __future__ import annotations

import sys
from dataclasses import replace

from truetpot.decode.fit import plan
from truetpot.decode.preference import Preference
from truetpot.decode.weights import SyntheticWeights
from truetpot.errors import UserError
from truetpot.facts.models import load_model
from truetpot.measure.entrant import Entrant
from truetpot.measure.step_check import Witness

from . import common, older, older_selection

LAYERS = f", {common.SIZE.layers} layers" if common.SIZE.layers else ""
USUAL = ("numba", "triton", "torch")
"""Who serves the operators that a provider has no kernel for."""
ALONE = ("torch_compile", "torch_flex", "torch_scaled_mm", "symm_mem")
"""Who has a kernel or two of another kind: what a step of theirs would tell, those tell."""


@common.offered
class DecodeStep:
    """One token of each sequence through the model, or through one rank's share of it.

    The share is the parameter ``tp``, which ``TRUETPOT_BENCH_TP`` sets.
    """

    version = "3"
    unit = "seconds"
    timeout = 3600
    pretty_name = "decode step"
    param_names = ("device", "provider", "format", "model", "tp", "batch")
    params = (
        [common.DEVICE],
        [name for name in common.providers() if name not in ALONE],
        common.SIZE.formats[:1],
        [common.SIZE.model + LAYERS],
        [common.SIZE.tp],
        common.SIZE.batches,
    )

    def track_device_time(self, device, provider, format, model, tp, batch):
        """Seconds by the device's clock."""
        return common.samples(_timed(device, provider, format, tp, batch).device_s)

    track_device_time.rounds = common.ROUNDS

    if common.DEVICE != "cpu":  # which has one clock

        def track_wall_time(self, device, provider, format, model, tp, batch):
            """Seconds by the host's clock."""
            return common.samples(_timed(device, provider, format, tp, batch).wall_s)

        track_wall_time.rounds = common.ROUNDS


def _timed(device: str, provider: str, format: str, tp: int, batch: int) -> Entrant:
    """The timed step, every kernel of it checked before and after."""
    common.need(None, provider)
    here, model = common.device(device), load_model(common.SIZE.model)
    try:
        shape = replace(common.shape(device, format, common.SIZE.contexts[0], batch), tp=tp)
        chosen = plan(model, shape, here.free_bytes())
        if not chosen.whole or chosen.shape.tp != tp:
            common.skip(f"tp = {tp} does not fit, give TRUETPOT_BENCH_TP: {chosen.sentence()}")
        preference = Preference(dict.fromkeys((provider, *USUAL)), here)
        selected = older_selection.selected(model, chosen.shape, preference)
        if all(preference.rank(call.op, call.case) != 0 for call in selected.program.calls):
            common.skip(f"{provider} has no kernel of this step on {device}")
        if wrong := older_selection.wrong_kernels(selected):
            raise RuntimeError("; ".join(wrong))
        step = older_selection.decode_step(selected, SyntheticWeights(model, chosen.shape))
    except UserError as error:
        common.skip(str(error))
    for kernel, role in {bound.kernel: bound.call.role for bound in step.bound}.items():
        if ran := older.launched(kernel):
            print(f"{role} {kernel.provider}: {ran}", file=sys.stderr)
    witness = Witness(step)
    work = older.bound_bytes(model, chosen.shape, chosen.layers)
    entrant = Entrant(
        "step", [step.run], bytes=work.bound, elapsed=True,
        also=lambda: step.state.values["logits"],
    )  # fmt: skip

    def check_again() -> str:
        still = older_selection.wrong_kernels(selected, foreign_only=True)
        return "; ".join([*witness.faults([entrant]), *still])

    entrant.check_again = check_again
    if hardware := common.card(here):
        entrant.floor_s = older.least_s(work, chosen.shape, hardware, here.cache_bytes())
    return common.race_alone(entrant, here)
