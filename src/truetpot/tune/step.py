"""Does the whole step gain by an entry? What a kernel wins alone, the step need not.

Alone, a kernel has the card's caches, its power and its launch queue for itself. So the step is
timed as it is used: captured where the device captures, with all the new entries, and without each
of them, in the same rounds. An entry stays if the interval of what it brings to the step excludes a
loss of :data:`LOSS`; a gain too small for the step to show is then believed to the lone kernel.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec import structs

from truetpot.decode.engine import Bound, DecodeStep
from truetpot.decode.program import Parameter
from truetpot.decode.weights import WeightSource
from truetpot.errors import KernelError, UserError
from truetpot.measure.entrant import Entrant
from truetpot.measure.race import race
from truetpot.measure.step_check import Witness
from truetpot.ops.guard import guarded, named, who
from truetpot.ops.packed import same
from truetpot.ops.registry import Config, Kernel
from truetpot.records.tune import EntryInStep, StepDecision
from truetpot.stats import Ratio, StopRule, Submitted, across, compare

LOSS = 0.002
"""Of the step's time: what an entry may cost at most, by the interval's end."""
DOUBT = 0.05
"""Of the intervals, shared out among the entries (Bonferroni)."""
BLOCKS = 10
"""Parts of a race, one after the other, whose medians make the interval: neighbouring rounds are
alike, and that many parts of a race are not (batch means)."""
ROUNDS = 5 * BLOCKS


@dataclass(frozen=True)
class Entry:
    """A configuration that a search found for one kernel, and what it is held against."""

    op: str
    provider: str
    case: str
    default: Config
    config: Config
    gain: float
    """Alone."""

    def of(self, kernel: Kernel) -> bool:
        """Whether it is of this kernel."""
        mine = (kernel.op.name, kernel.provider, kernel.case.label())
        return mine == (self.op, self.provider, self.case)


def decide_by_step(
    step: DecodeStep,
    entries: Sequence[Entry],
    weights: WeightSource,
    seconds: float,
    on_round: Callable[[float], None] = lambda share: None,
) -> StepDecision:
    """Which entries the step keeps, and what it gains by them together.

    ``weights`` are those of the step, for a configuration that packs them in another way. Entries
    of kernels that the step does not use are told as such. Raises KernelError where a step is wrong
    afterwards, UserError where there is no memory for it.
    """
    used = [entry for entry in entries if any(entry.of(one.kernel) for one in step.bound)]
    elsewhere = [
        EntryInStep(op=one.op, provider=one.provider, case=one.case, config=one.config, used=False)
        for one in entries
        if one not in used
    ]
    if not used:
        return StepDecision(entries=elsewhere)
    variants = _Variants(step, weights, used)
    whole = variants.step(used)
    without = [variants.step([other for other in used if other is not one]) for one in used]
    none = variants.step([])
    names = ["all", *(f"without {one.op} of {one.provider}" for one in used), "none"]
    ratios, submitted = _gains([whole, *without, none], names, seconds, on_round)
    confidence = 1 - DOUBT / len(used)
    found = [_judged(one, across(r, confidence)) for one, r in zip(used, ratios, strict=False)]
    kept = [one for one, row in zip(used, found, strict=True) if row.kept]
    together = across(ratios[-1], 1 - DOUBT)
    if kept and len(kept) < len(used):  # another set than was timed
        ratios, _ = _gains([variants.step(kept), none], ["kept", "none"], seconds / 2, on_round)
        together = across(ratios[0], 1 - DOUBT)
    if kept and together.low < 1 - LOSS:
        found = [structs.replace(row, kept=False) for row in found]
    return StepDecision(
        submitted=submitted,
        layers=step.shape.layers or step.model.layers,
        confidence=confidence,
        gain=together.median if kept else None,
        gain_ci=(together.low, together.high) if kept else None,
        entries=[*found, *elsewhere],
    )


def _judged(entry: Entry, gain: Ratio) -> EntryInStep:
    return EntryInStep(
        op=entry.op,
        provider=entry.provider,
        case=entry.case,
        config=entry.config,
        alone=entry.gain,
        gain=gain.median,
        gain_ci=(gain.low, gain.high),
        verdict=compare(gain.inverse(), LOSS),
        kept=gain.low >= 1 - LOSS,
    )


def _gains(
    steps: Sequence[DecodeStep],
    names: Sequence[str],
    seconds: float,
    on_round: Callable[[float], None],
) -> tuple[list[list[float]], Submitted]:
    """Of each step but the first: its time over the first one's, a median a part of the race."""
    device = steps[0].device
    witnesses = [Witness(step) for step in steps]
    entrants = [
        Entrant(
            name, [step.run], elapsed=True,
            also=lambda step=step: step.state.values["logits"],  # type: ignore[misc]
        )
        for name, step in zip(names, steps, strict=True)
    ]  # fmt: skip
    rule = StopRule(noise=0.0, seconds=seconds, min_samples=ROUNDS, warmup_s=min(1.0, seconds / 4))
    if not race(entrants, device, rule, on_round, go_on=lambda lost: False):
        raise KeyboardInterrupt
    submitted = entrants[0].submitted
    for entrant, witness in zip(entrants, witnesses, strict=True):
        wrong = [entrant.fault] if entrant.fault else witness.faults([entrant])
        if wrong:
            raise KernelError(f"the step with {entrant.name}: {wrong[0]}")
    first, *rest = (np.asarray(entrant.device_s) for entrant in entrants)
    gains = [
        [float(np.median(part)) for part in np.array_split(one / first, BLOCKS)] for one in rest
    ]
    for entrant in entrants:
        entrant.release()
    return gains, submitted


class _Variants:
    """The step with some of the entries: values, caches and whatever is packed alike are shared."""

    def __init__(self, step: DecodeStep, weights: WeightSource, entries: Sequence[Entry]) -> None:
        self._step, self._weights, self._entries = step, weights, entries
        self._bound: dict[tuple[int, bool], list[Bound]] = {}

    def step(self, chosen: Sequence[Entry]) -> DecodeStep:
        """With these, and the defaults of the others."""
        variant = copy.copy(self._step)
        bound = list(self._step.bound)
        for number, entry in enumerate(self._entries):
            key = number, entry in chosen
            if key not in self._bound:
                config = entry.config if entry in chosen else entry.default
                self._bound[key] = self._made(entry, config)
            indices = [i for i, one in enumerate(self._step.bound) if entry.of(one.kernel)]
            for index, new in zip(indices, self._bound[key], strict=True):
                bound[index] = new
        variant.bound = tuple(bound)
        return variant

    def _made(self, entry: Entry, config: Config) -> list[Bound]:
        """The calls of one kernel of the step, with another object of it."""
        new: dict[Kernel, Kernel] = {}
        alike: dict[str, bool] = {}
        return [
            self._rebound(one, new, alike, config)
            for one in self._step.bound
            if entry.of(one.kernel)
        ]

    def _rebound(
        self, bound: Bound, new: dict[Kernel, Kernel], alike: dict[str, bool], config: Config
    ) -> Bound:
        device, old = self._step.device, bound.kernel
        if old not in new:
            about = f"{named(old)} with {config}"
            with guarded(about, who(type(old), old.case, config), device.memory_errors):
                new[old] = type(old)(old.case, device, **config)
                new[old].given = config
        kernel, fixed = new[old], dict(bound.fixed)
        for name, ref in bound.call.args.items():
            if not isinstance(ref, Parameter) or ref.kind != "weight" or alike.get(name):
                continue
            try:
                with guarded(f"{named(kernel)}: pack", who(kernel), device.memory_errors):
                    fixed[name] = kernel.pack(self._weights.linear(ref.layer, ref.name))
            except device.memory_errors:
                raise UserError(
                    f"{device.name} has not enough memory for the step with two packings of its "
                    "weights; give fewer --layers."
                ) from None
            if name not in alike:  # how it packs depends on shape and parameters, not on the layer
                alike[name] = same(device, fixed[name], bound.fixed[name])
                if alike[name]:
                    fixed[name] = bound.fixed[name]
        return replace(bound, kernel=kernel, fixed=fixed)
