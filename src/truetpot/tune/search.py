"""Search a kernel's launch parameters for one case: look at some, race the best, decide on one.

A strategy says what to look at next (:mod:`.strategy`), and a lab times it (:mod:`.lab`). The few
with the largest gains run a longer race, and the fastest of them is held against the default once
more (:mod:`.decide`): only that decides, and gives the gain that is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np

from truetpot.ops.guard import guarded, who
from truetpot.ops.operator import Case
from truetpot.ops.registry import Config, Kernel
from truetpot.records.opening import now
from truetpot.records.tune import Figures, Found
from truetpot.runtime.device import Device
from truetpot.stats import Comparison
from truetpot.tune.decide import LEAST, PROCESSES, decide
from truetpot.tune.lab import Lab
from truetpot.tune.progress import Log
from truetpot.tune.space import Space
from truetpot.tune.strategy import STRATEGIES, Strategy

FINALISTS = 4
FEW = 32
"""So many are all looked at."""
PATIENCE = 24
"""Trials in a row without a new best of ``LEAST``, after which a search ends."""
MOST = 300
"""Trials, where the user gives no budget."""
LOOKS_SHARE, FINAL_SHARE = 0.5, 0.2
"""Of the time of a case; the rest is for the decision."""


@dataclass(frozen=True)
class Plan:
    """How to search a space of configurations."""

    strategy: str = "model"
    budget: int | None = None
    """Trials at most."""
    first: Sequence[Config] = ()
    """Tried before the strategy is asked: another card's best."""

    def most(self, configs: int) -> int:
        """Trials at most, of a space of so many, the default among them."""
        return min(configs - 1, MOST if self.budget is None else self.budget)

    def whole(self, configs: int) -> bool:
        """Whether all of so many are looked at, whatever is found."""
        return configs - 1 <= (FEW if self.budget is None else self.budget)

    def likely(self, configs: int) -> int:
        """A guess at how many there will be, to share the time out."""
        if self.whole(configs) or self.budget is not None:
            return max(1, self.most(configs))
        return min(2 * PATIENCE + len(self.first), self.most(configs))


USUAL = Plan()


@dataclass(frozen=True)
class Stage:
    """How far a search is."""

    share: float
    """Of the expected work, 0 to 1."""
    what: str
    """``12 of about 48 trials``, ``process 2 of 5, against the default alone``."""


OnStage = Callable[[Stage], None]


def candidates(kernel: type[Kernel], case: Case, device: Device) -> list[Config]:
    """The kernel's configurations, each once, the default first. Raises KernelError."""
    found: list[Config] = []
    with guarded("configs", who(kernel, case)):
        for config in kernel.configs(case, device):
            if config not in found:
                found.append(dict(config))
    return found


def search(
    configs: Sequence[Config],
    lab: Lab,
    log: Log,
    plan: Plan = USUAL,
    on_stage: OnStage = lambda stage: None,
) -> Found:
    """The best of the configurations, of which the default is the first.

    Whatever ``log`` knows is not measured again, and whatever is measured goes into it at once.
    Raises what the lab raises.
    """
    if log.final is not None:
        return log.final
    _look_around(configs, lab, log, plan, on_stage)
    timed = [look for look in log.looks if look.gain and look.config in configs[1:]]
    fastest = sorted(timed, key=lambda look: -(look.gain or 0))[:FINALISTS]
    default, raced = lab.final(
        [look.config for look in fastest],
        lambda used: on_stage(Stage(LOOKS_SHARE + FINAL_SHARE * used, "race of the finalists")),
    )
    found = Found(default=default, best=default, when=now())
    winner = max(raced, key=lambda one: one.gain or 0, default=default)
    if (winner.gain or 0) >= 1 + LEAST:
        share = LOOKS_SHARE + FINAL_SHARE

        def on_process(number: int) -> None:
            done = share + (1 - share) * number / PROCESSES
            on_stage(Stage(done, f"{number} of {PROCESSES} processes, against the default alone"))

        decision = decide(lab, winner.config, len(raced), on_process)
        found = Found(default=default, best=default, when=now(), decision=decision)
        if decision.verdict is Comparison.FASTER:
            best = msgspec.structs.replace(winner, gain=decision.gain, gain_ci=decision.gain_ci)
            found = msgspec.structs.replace(found, best=best)
    log.finish(found)
    return found


def _look_around(
    configs: Sequence[Config], lab: Lab, log: Log, plan: Plan, on_stage: OnStage
) -> None:
    """Trials, into the log, until the strategy, the budget or the patience is at its end."""
    space = Space(configs)
    name = "all" if plan.whole(len(configs)) else plan.strategy
    strategy = STRATEGIES[name](space, np.random.default_rng(0))
    strategy.tell(0, 1.0)  # the default, beside which the others are timed
    seen = {_tell(strategy, space, look) for look in log.looks}
    first = [index for config in plan.first if (index := space.find(config))]
    most, likely = plan.most(len(configs)), plan.likely(len(configs))
    while len(log.looks) < most and not _enough(configs, log.looks, plan):
        done = len(log.looks)
        left = [index for index in first if index not in seen]
        upcoming = partial(_upcoming, space, strategy, left, most - done)
        following = upcoming(1)
        if not following:
            return
        share = LOOKS_SHARE * min(1.0, done / likely)
        on_stage(Stage(share, f"trial {done + 1} of {'about ' * (likely < most)}{likely}"))
        lab.prepare(upcoming)
        look = lab.look(following[0])
        log.add(look)
        if look.reason:
            lab.still_there(look)
        seen.add(_tell(strategy, space, look))


def _upcoming(
    space: Space, strategy: Strategy, first: Sequence[int], most: int, count: int
) -> list[Config]:
    """The next trials, as far as is known now; those of ``first`` are sure to be."""
    others = strategy.likely(count) if count > len(first) else []
    found = [*dict.fromkeys([*first, *others])][: min(count, most)]
    return [space.configs[index] for index in found]


def _tell(strategy: Strategy, space: Space, look: Figures) -> int | None:
    """What was seen; its index, if it is legal still."""
    index = space.find(look.config)
    if index is not None:
        strategy.tell(index, None if look.gain is None else 1 / look.gain)
    return index


def _enough(configs: Sequence[Config], looks: Sequence[Figures], plan: Plan) -> bool:
    """Whether there has been no better one for long; a small space is looked at whole."""
    if plan.budget is not None or plan.whole(len(configs)):
        return False
    best, since = 1.0, 0
    for look in looks:
        since += 1
        if look.gain is not None and look.gain > best * (1 + LEAST):
            best, since = look.gain, 0
    return since >= PATIENCE + len(plan.first)
