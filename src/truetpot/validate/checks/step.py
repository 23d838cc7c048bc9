"""A decode step of some layers: its time against the read ceiling beside it, and the same bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from truetpot.decode.engine import DecodeStep
from truetpot.decode.fit import needs
from truetpot.decode.preference import Preference
from truetpot.decode.selected import select_step
from truetpot.decode.weights import SyntheticWeights
from truetpot.errors import UserError
from truetpot.facts.floor import least_s
from truetpot.facts.hardware import recognise
from truetpot.facts.kinds import all_kinds
from truetpot.facts.models import Model, load_model
from truetpot.facts.traffic import traffic
from truetpot.facts.workload import Workload
from truetpot.measure.ceiling import Ceiling, find_ceiling
from truetpot.measure.entrant import Entrant
from truetpot.measure.race import race
from truetpot.runtime.choose import choose_device
from truetpot.runtime.device import Device
from truetpot.stats import StopRule, paired
from truetpot.validate.checks.bandwidth import readers
from truetpot.validate.child import Tell
from truetpot.validate.measured import Measured, Reading, Setting, errors

MODEL, CPU_MODEL = "qwq-32b", "qwen2.5-0.5b"
LAYERS, SMALL_LAYERS = 4, 2
CONTEXT, SMALL_CONTEXT = 1024, 64
SHARES = (1, 2, 4, 8)
"""Tensor-parallel degrees whose share is tried, until one fits."""
REPEATS, SMALL_REPEATS = 50, 5
"""Steps whose logits have to be those of the first, bit for bit."""


def measure(setting: Setting, tell: Tell) -> Measured:
    """``step`` in ms, its share of the ceiling, and steps whose logits were others."""
    device = choose_device(setting.devices[0])
    model, shape = share_that_fits(device, setting.small)
    rule = StopRule(
        noise=0.005, seconds=setting.seconds / 2, min_samples=10, warmup_s=setting.seconds / 20
    )
    # the ceiling's buffers first: the step takes what it needs beside them
    ceiling = find_ceiling(device, rule, readers(device, setting.small))
    preference = Preference(_providers(device, setting.small), device)
    selected = select_step(model, shape, preference)
    step = DecodeStep(selected, SyntheticWeights(model, shape))
    unequal = Repeats(step)
    unequal.run(SMALL_REPEATS if setting.small else REPEATS)
    readings, found = timed(step, ceiling, device, rule)
    unequal.run(SMALL_REPEATS)
    readings.append(errors("steps with other bits", unequal.count))
    found |= {"steps_compared": unequal.compared, "providers": step.providers}
    return Measured(readings=readings, found=found)


def share_that_fits(device: Device, small: bool) -> tuple[Model, Workload]:
    """Some layers of a 32B model, or of a small one on a CPU; 16-bit weights.

    Raises UserError where not even an eighth of them fits.
    """
    small_model = small or device.is_cpu
    model = load_model(CPU_MODEL if small_model else MODEL)
    dtype = all_kinds()[device.kind].dtype
    free = device.free_bytes()
    for tp in (1,) if small_model else SHARES:
        shape = Workload(
            context=SMALL_CONTEXT if small_model else CONTEXT,
            format=dtype,
            kv_format=dtype,
            dtype=dtype,
            batch=1,
            tp=tp,
            layers=SMALL_LAYERS if small else LAYERS,
        )
        if free is None or needs(model, shape).total < 0.9 * free:
            return model, shape
    raise UserError(f"No share of {model.name} fits on {device.name}; stop what else uses it.")


def timed(
    step: DecodeStep, ceiling: Ceiling, device: Device, rule: StopRule
) -> tuple[list[Reading], dict[str, Any]]:
    """The step and the read kernel, in one race."""
    model, shape = step.model, step.shape
    work = traffic(model, replace(shape, layers=shape.layers))
    identity = device.identity()
    card = recognise(str(identity["name"]), identity.get("memory_bytes"))
    floor_s = None if card is None else least_s(work, shape.dtype, card, device.cache_bytes())
    whole = Entrant(
        "step", [step.run], bytes=work.bound, floor_s=floor_s, elapsed=True,
        also=lambda: step.state.values["logits"],
    )  # fmt: skip
    top = ceiling.entrant(work.bound)
    if not race([whole, top], device, rule):
        raise KeyboardInterrupt
    if whole.fault or top.fault:
        raise RuntimeError(whole.fault or top.fault)
    ceiling_s = work.bound / top.bandwidth
    step_s = whole.stats.median_s
    what = f"{shape.layers} layers of {model.name}, {shape.format}, 1/{shape.tp} of each"
    floor = "" if card is None else f"datasheet of {card.title}; "
    share = paired([work.bound / top.bytes * s for s in top.device_s], whole.device_s)
    return [
        Reading(
            name="step",
            value=step_s * 1e3,
            unit="ms",
            better="lower",
            expected=ceiling_s * 1e3,
            bound=None if floor_s is None else floor_s * 1e3,
            source=f"{floor}the read ceiling of {top.bandwidth / 1e9:.1f} GB/s beside it",
            note=what,
        ),
        Reading(
            name="ceiling over step",
            value=share.median,
            unit="share",
            better="higher",
            expected=1.0,
            source="the same bytes read by the best read kernel, sample by sample",
        ),
    ], {
        "model": model.name,
        "layers": shape.layers,
        "tp": shape.tp,
        "bytes": work.bound,
        "ceiling_gb_s": top.bandwidth / 1e9,
        "submitted": whole.submitted.value,
    }


class Repeats:
    """Runs a step again and again, and compares its logits with the first ones."""

    def __init__(self, step: DecodeStep) -> None:
        self.step, self.count, self.compared = step, 0, 0
        self._first = self._logits()

    def run(self, times: int) -> None:
        """Run the step ``times`` more, and count answers that differ."""
        for _ in range(times):
            self.count += not np.array_equal(self._logits(), self._first)
            self.compared += 1

    def _logits(self) -> np.ndarray:
        self.step.run()
        self.step.device.synchronize()
        logits = self.step.device.download(self.step.state.values["logits"])
        return logits.reshape(-1).view(np.uint8)


def _providers(device: Device, small: bool) -> tuple[str, ...]:
    if small:  # nothing is compiled
        return ("torch",)
    return all_kinds()[device.kind].providers
